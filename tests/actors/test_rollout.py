"""Painting batches of episodes: the record is what happened."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from actors.rollout import Rollout
from envs.paint import PaintVectorEnv
from learners.settings import NetworkName
from learners.trajectory_tensors import TrajectoryTensors
from tests.learners.examples import NETWORKS, SMALL, make_policy

both = pytest.mark.parametrize("network", NETWORKS)


@both
def test_shapes_and_types(network: NetworkName) -> None:
    rollout = Rollout(PaintVectorEnv(5, SMALL), make_policy(network), seed=0, precision="float32")
    trajectory = rollout.episodes(version=7, actor=3)
    assert (trajectory.canvas.shape, trajectory.canvas.dtype) == ((5, 5, 16, 16, 3), np.uint8)
    assert (trajectory.action.shape, trajectory.action.dtype) == ((4, 5, 8), np.int16)
    assert (trajectory.log_prob.shape, trajectory.log_prob.dtype) == ((4, 5), np.float32)
    assert (trajectory.noise.shape, trajectory.noise.dtype) == ((5, 3), np.float32)
    assert (trajectory.version, trajectory.actor, trajectory.steps) == (7, 3, 20)
    assert (trajectory.log_prob < 0).all()
    assert set(rollout.watch.seconds) == {"render", "inference"}
    assert min(rollout.watch.seconds.values()) > 0


@both
def test_the_recorded_actions_paint_the_recorded_canvases(network: NetworkName) -> None:
    rollout = Rollout(PaintVectorEnv(4, SMALL), make_policy(network), seed=0, precision="float32")
    rollout.episodes()
    trajectory = rollout.episodes()  # the second: nothing is left over from the first
    env = PaintVectorEnv(4, SMALL)
    np.testing.assert_array_equal(env.reset()[0]["canvas"], trajectory.canvas[0])
    for action, canvas in zip(trajectory.action.astype(np.int64), trajectory.canvas[1:], strict=True):
        np.testing.assert_array_equal(env.step(action)[0]["canvas"], canvas)
    assert (trajectory.canvas[-1] != 255).any()


def test_a_seed_repeats_and_seeds_differ() -> None:
    def paint(seed: int) -> list[np.ndarray]:  # type: ignore[type-arg]
        rollout = Rollout(PaintVectorEnv(3, SMALL), make_policy("laptop"), seed=seed, precision="float32")
        batches = [rollout.episodes() for _ in range(2)]
        return [array for batch in batches for array in (batch.noise, batch.action, batch.canvas)]

    first, again, other = paint(1), paint(1), paint(2)
    for a, b in zip(first, again, strict=True):
        np.testing.assert_array_equal(a, b)
    assert (first[0] != other[0]).any()
    assert (first[1] != other[1]).any()
    assert (first[0] != first[3]).all()  # each episode has noise of its own


@torch.inference_mode()
def test_the_recorded_noise_is_the_one_that_was_painted_from() -> None:
    policy = make_policy("laptop")
    trajectory = Rollout(PaintVectorEnv(3, SMALL), policy, seed=0, precision="float32").episodes()
    batch = TrajectoryTensors.of(trajectory, torch.device("cpu"))
    for noise, same in ((batch.inputs.noise, True), (batch.inputs.noise + 1, False)):
        inputs = replace(batch.inputs, noise=noise)
        log_prob = policy.evaluate(inputs, batch.action, policy.initial_state(3)).log_prob
        assert torch.allclose(log_prob, batch.log_prob, atol=1e-5) == same


def test_new_weights_act_in_the_next_episode() -> None:
    policy = make_policy("laptop")
    flag = policy.spec.flag
    rollout = Rollout(PaintVectorEnv(8, SMALL), policy, seed=0, precision="float32")
    for chosen in (1, 0):
        weights = {name: value.clone() for name, value in policy.state_dict().items()}
        weights[f"heads.{flag}.bias"] = torch.tensor([40.0, -40.0] if chosen == 0 else [-40.0, 40.0])
        policy.load_state_dict(weights)
        assert (rollout.episodes().action[..., flag] == chosen).all()
