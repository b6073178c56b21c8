"""Batches that are fetched and copied while the one before is learned from."""

import dataclasses
import threading
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from learners.networks.build import build_discriminator
from learners.policy_learner import PolicyLearner
from learners.settings import DiscriminatorSettings, PolicySettings
from learners.staging import ALIGNMENT, PinnedRing, Staging
from learners.trajectory import Trajectory
from learners.trajectory_tensors import TrajectoryTensors
from tests.learners.examples import SMALL, make_policy, paint_batch

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def trajectory() -> Trajectory:
    return paint_batch(make_policy("laptop"))


def tensors_of(value: Any) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, part in vars(value).items():
        found |= (
            {f"{name}.{inner}": each for inner, each in tensors_of(part).items()}
            if hasattr(part, "canvas")
            else {name: part}
        )
    return found


def same(one: TrajectoryTensors, other: TrajectoryTensors) -> bool:
    pairs = zip(tensors_of(one).items(), tensors_of(other).items(), strict=True)
    return all(
        torch.equal(a, b) and a.dtype == b.dtype if isinstance(a, Tensor) else a == b for (_, a), (_, b) in pairs
    )


def test_a_ring_copies_a_batch_bit_for_bit(trajectory: Trajectory) -> None:
    ring = PinnedRing(CPU, pinned=False)
    expected = TrajectoryTensors.of(trajectory, CPU)
    for _ in range(3):
        ring.begin()
        staged = TrajectoryTensors.of(trajectory, CPU, ring.move)
        ring.end()
        assert same(staged, expected)
    assert len(expected.all()) == 15


def test_one_batch_is_not_overwritten_by_the_next(trajectory: Trajectory) -> None:
    ring = PinnedRing(CPU, pinned=False)
    other = dataclasses.replace(trajectory, canvas=255 - trajectory.canvas)
    staged = []
    for batch in (trajectory, other):
        ring.begin()
        staged.append(TrajectoryTensors.of(batch, CPU, ring.move))
        ring.end()
    assert np.array_equal(staged[0].all_canvases.numpy(), trajectory.canvas)
    assert np.array_equal(staged[1].all_canvases.numpy(), other.canvas)


def test_a_rings_buffers_grow_and_keep_arrays_aligned() -> None:
    ring = PinnedRing(CPU, pinned=False)
    ring.begin()
    arrays = [np.arange(n).astype(dtype) for n, dtype in ((3, np.uint8), (5, np.int64), (1000, np.float32), (7, bool))]
    moved = [ring.move(array) for array in arrays]
    for array, tensor in zip(arrays, moved, strict=True):
        assert np.array_equal(tensor.numpy(), array)
        assert tensor.numpy().dtype == array.dtype
        assert tensor.storage_offset() * tensor.element_size() % ALIGNMENT == 0


def test_the_next_batch_is_fetched_while_this_one_is_learned_from(trajectory: Trajectory) -> None:
    staging, fetched = Staging(CPU), threading.Event()

    def fetch() -> Trajectory:
        fetched.set()
        return trajectory

    staging.begin("next", fetch)
    assert fetched.wait(60)
    fetched.clear()
    taken, tensors = staging.take("next", fetch)
    assert not fetched.is_set()
    assert taken is trajectory
    assert same(tensors, TrajectoryTensors.of(trajectory, CPU))
    staging.begin("next", fetch)
    staging.take("another", fetch)  # the order was changed: what was fetched in vain is forgotten
    assert staging.coming is None


def test_what_fetching_raises_reaches_the_learner() -> None:
    def fail() -> Trajectory:
        raise KeyError("lost")

    staging = Staging(CPU)
    staging.begin(1, fail)
    with pytest.raises(KeyError, match="lost"):
        staging.take(1, fail)


def test_an_update_from_a_staged_batch_is_the_same(trajectory: Trajectory) -> None:
    metrics = []
    for staged in (False, True):
        policy = make_policy("laptop")
        torch.manual_seed(0)
        discriminator = build_discriminator(DiscriminatorSettings(discriminator_width=4), SMALL.canvas_shape)
        learner = PolicyLearner(policy, discriminator, PolicySettings(network="laptop", noise_size=3), CPU)
        if staged:
            metrics.append(learner.update_from(*Staging(CPU).take(0, lambda: trajectory), 0.0))
        else:
            metrics.append(learner.update(trajectory, 0.0))
    # Not to the bit: in float32 MKL's sums depend on where in memory their terms lie.
    assert metrics[0] == pytest.approx(metrics[1], rel=1e-4, abs=1e-5)
