"""What steps have in common is computed once, and gives the same results."""

import dataclasses
from typing import Any

import numpy as np
import pytest
import torch

from learners.networks.looking import RememberedLook
from learners.networks.plan import different_looks
from learners.trajectory_tensors import TrajectoryTensors
from tests.learners.examples import SMALL, make_policy, paint_batch

CPU = torch.device("cpu")


def test_every_step_has_the_look_of_its_own_canvas() -> None:
    rng = np.random.default_rng(0)
    for share_white in (False, True):
        canvas = rng.integers(0, 2, (6, 40, 1, 1, 8), dtype=np.uint8) * rng.integers(0, 2, (6, 40, 1, 1, 1), np.uint8)
        canvas = 255 - canvas * (canvas[..., :1] > 0)
        looks, look_of = different_looks(canvas, share_white=share_white)
        flat = canvas.reshape(240, -1)
        assert (flat[looks][look_of] == flat).all()
        assert len(looks) == len(set(looks.tolist())) < 200
        if not share_white:  # never the canvas of another episode
            assert (looks[look_of] % 40 == np.arange(240) % 40).all()
        else:
            assert (flat[looks] == 255).all(1).sum() == 1


@pytest.mark.parametrize("network", ["laptop", "paper"])
@pytest.mark.parametrize("paints", [True, False])
def test_an_evaluation_with_a_plan_is_that_without(network: Any, paints: bool) -> None:
    policy = make_policy(network)
    trajectory = paint_batch(policy, batch=24)
    if not paints:
        trajectory.action[..., policy.spec.flag] = 0
    found = []
    for spec in (policy.spec, None):
        policy.zero_grad()
        batch = TrajectoryTensors.of(trajectory, CPU, spec=spec)
        assert (batch.inputs.plan is None) == (spec is None)
        result = policy.evaluate(batch.inputs, batch.action, policy.initial_state(24))
        (result.log_prob.mean() + result.value.square().mean() + result.entropy.mean()).backward()
        gradients = {name: each.grad for name, each in policy.named_parameters() if each.grad is not None}
        found.append((result, gradients))
    (planned, slopes), (plain, expected) = found
    for field in dataclasses.fields(plain):
        torch.testing.assert_close(getattr(planned, field.name), getattr(plain, field.name))
    assert slopes.keys() == expected.keys()  # also if nothing painted: learners average what they have
    for name, slope in slopes.items():
        torch.testing.assert_close(slope, expected[name], rtol=1e-4, atol=1e-6)


def test_a_plan_spares_looks() -> None:
    batch = TrajectoryTensors.of(paint_batch(make_policy("laptop"), batch=24), CPU, spec=SMALL.action_spec)
    assert batch.inputs.plan is not None
    assert len(batch.inputs.plan.looks) < batch.action[..., 0].numel() * 4 // 5


def test_images_are_looked_at_when_they_change() -> None:
    looked: list[int] = []

    def look(images: torch.Tensor) -> torch.Tensor:
        looked.append(len(images))
        return images.flatten(1).float()

    remembered = RememberedLook(look)
    images = torch.full((8, 2, 4, 1), 255, dtype=torch.uint8)
    for changed in (None, 3, None, 5):
        if changed is not None:
            images[changed] = changed
        assert (remembered(images) == images.flatten(1)).all()
    remembered.prepare()
    assert (remembered(images[:6]) == images[:6].flatten(1)).all()
    assert (remembered(images) == images.flatten(1)).all()
    assert looked == [1, 1, 1, 6, 8]


def test_updates_have_few_different_sizes() -> None:
    policy, sizes = make_policy("laptop"), set()
    for seed in range(40):
        plan = TrajectoryTensors.of(paint_batch(policy, batch=32, seed=seed), CPU, spec=policy.spec).inputs.plan
        assert plan is not None
        sizes |= {("looks", len(plan.looks)), ("painting", len(plan.painting))}
    assert len(sizes) < 12
