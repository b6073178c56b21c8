"""Episodes on which an inference service acts: what is recorded is what happened, whoever computes the policy."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import torch

from actors.inference.client import InferenceClient
from actors.inference.recorder import ServedRollout
from actors.inference.server import InferenceServer
from actors.rollout import Rollout
from envs.paint import PaintVectorEnv
from learners.networks.weights import FlatWeights
from learners.settings import NetworkName
from learners.trajectory_tensors import TrajectoryTensors
from tests.helpers.tiny_run import wait_until
from tests.learners.examples import NETWORKS, SMALL, make_policy

both = pytest.mark.parametrize("network", NETWORKS)


@contextmanager
def serving(path: Path, network: NetworkName, version: int = 7, most: int = 256) -> Iterator[InferenceServer]:
    """A service in a thread of this process."""
    policy = make_policy(network)
    server = InferenceServer(path, policy, SMALL.canvas_shape, precision="float32", most=most)
    thread = threading.Thread(target=server.run)
    thread.start()
    server.load(FlatWeights.of(policy), version, 0)
    try:
        yield server
    finally:
        server.close()
        thread.join()


def served(path: Path, canvases: int, seed: int = 0) -> ServedRollout:
    return ServedRollout(PaintVectorEnv(canvases, SMALL), InferenceClient(path, canvases), seed=seed)


@both
def test_trajectories_are_those_of_an_actor_with_a_policy(network: NetworkName, tmp_path: Path) -> None:
    own = Rollout(PaintVectorEnv(5, SMALL), make_policy(network), seed=0, precision="float32").episodes(7, 3)
    with serving(tmp_path / "i" / "s", network):
        trajectory = served(tmp_path / "i" / "s", 5).next_unroll(0, actor=3)
    assert type(trajectory) is type(own)
    for name, value in vars(own).items():
        other = getattr(trajectory, name)
        if isinstance(value, np.ndarray):
            assert (other.dtype, other.shape) == (value.dtype, value.shape), name
        else:
            assert other == value, name


@both
@pytest.mark.parametrize("unroll", [0, 2])
@torch.inference_mode()
def test_at_equal_weights_the_importance_ratio_is_one(network: NetworkName, unroll: int, tmp_path: Path) -> None:
    """Several actors at once, episodes in pieces, in batches that hold several of them or a part of them."""
    policy = make_policy(network)
    with serving(tmp_path / "i" / "s", network, most=8) as server:
        rollouts = [served(tmp_path / "i" / "s", canvases, seed=canvases) for canvases in (3, 4, 5)]
        pieces: dict[int, list[TrajectoryTensors]] = {}

        def paint(number: int) -> None:
            count = 2 * (SMALL.num_actions // unroll if unroll else 1)
            batches = [rollouts[number].next_unroll(unroll) for _ in range(count)]
            pieces[number] = [TrajectoryTensors.of(batch, torch.device("cpu")) for batch in batches]

        threads = [threading.Thread(target=paint, args=[number]) for number in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert server.steps == 2 * SMALL.num_actions * 12
    assert sorted(pieces) == [0, 1, 2]
    for batches in pieces.values():
        for batch in batches:
            state = policy.initial_state(batch.action.shape[1]) if batch.state is None else batch.state
            ratio = (policy.evaluate(batch.inputs, batch.action, state).log_prob - batch.log_prob).exp()
            assert torch.allclose(ratio, torch.ones(()), atol=1e-3)
            assert batch.version == 7


@both
def test_the_recorded_actions_paint_the_recorded_canvases(network: NetworkName, tmp_path: Path) -> None:
    with serving(tmp_path / "i" / "s", network):
        rollout = served(tmp_path / "i" / "s", 4)
        rollout.next_unroll(0)
        trajectory = rollout.next_unroll(0)
    env = PaintVectorEnv(4, SMALL)
    np.testing.assert_array_equal(env.reset()[0]["canvas"], trajectory.canvas[0])
    for action, canvas in zip(trajectory.action.astype(np.int64), trajectory.canvas[1:], strict=True):
        np.testing.assert_array_equal(env.step(action)[0]["canvas"], canvas)
    assert len(np.unique(trajectory.action[..., 0])) > 1


def test_versions_are_those_of_the_weights_that_acted(tmp_path: Path) -> None:
    with serving(tmp_path / "i" / "s", "laptop") as server:
        rollout = served(tmp_path / "i" / "s", 2)
        assert rollout.next_unroll(2).versions is None
        server.load(FlatWeights.of(make_policy("laptop", seed=4)), 8, 0)
        act = rollout.client.act

        def change_once(canvas: np.ndarray, step: int) -> tuple[np.ndarray, np.ndarray]:  # type: ignore[type-arg]
            choice = act(canvas, step)
            server.load(FlatWeights.of(make_policy("laptop", seed=5)), 9, 0)
            return choice

        rollout.client.act = change_once  # type: ignore[method-assign]
        trajectory = rollout.next_unroll(2)
    assert trajectory.versions is not None
    np.testing.assert_array_equal(trajectory.versions, [[8, 8], [9, 9]])
    assert (trajectory.version, trajectory.mean_version, rollout.epoch) == (8, 8.5, 0)


def test_a_service_leaves_nothing_behind(tmp_path: Path) -> None:
    with serving(tmp_path / "i" / "s", "laptop"):
        served(tmp_path / "i" / "s", 2).next_unroll(0)
        assert (tmp_path / "i" / "s").is_socket()
    assert not any(tmp_path.iterdir())


def test_an_actor_goes_on_with_the_service_that_replaces_another(tmp_path: Path) -> None:
    with serving(tmp_path / "i" / "s", "paper", version=1):
        rollout = served(tmp_path / "i" / "s", 2)
        rollout.next_unroll(2)  # in the middle of an episode
    painted: list[int] = []
    thread = threading.Thread(target=lambda: painted.append(rollout.next_unroll(2).version))
    thread.start()
    wait_until(lambda: rollout.lost, 60, "the actor to notice")
    with serving(tmp_path / "i" / "s", "paper", version=2):
        thread.join(60)
    assert painted == [2]
    assert rollout.step == 2, "a new episode"
