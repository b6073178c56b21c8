"""Learning from what was painted as if it had been asked for."""

from __future__ import annotations

from typing import cast

import numpy as np
import pytest
import torch

from actors.random_play import RandomPlay
from actors.rollout import Rollout
from envs.paint import PaintConfig, PaintVectorEnv
from learners.networks.build import build_policy
from learners.networks.discriminator import Discriminator
from learners.policy_learner import PolicyLearner
from learners.settings import PolicySettings
from learners.trajectory_tensors import TrajectoryTensors
from tests.learners.examples import FixedScore

CPU = torch.device("cpu")
TINY = PaintConfig(
    canvas_size=16, observation_size=16, grid=4, episode_length=3, brush="classic/pen", brush_sizes=(2.0,),
    pressure_levels=1, fixed_pressure=0.5, color=False, first_is_move=True,
)  # fmt: skip


def test_random_play_is_learned_from_instead_and_pays_nothing() -> None:
    plain, rollout = make(0.0)
    weighted, _ = make(0.5)
    rollout.targets = np.random.default_rng(0).integers(0, 256, (9, *TINY.canvas_shape)).astype(np.uint8)
    trajectory = rollout.episodes()
    without = plain.update(trajectory, 0.0)
    trajectory.play = RandomPlay(PaintVectorEnv(32, TINY), 3, seed=0).episodes()
    before, _ = make(0.5)
    likelihood, _ = before.hindsight(before.tensors(trajectory.play))
    metrics = weighted.update(trajectory, 0.0)
    assert metrics["hindsight_log_prob"] == pytest.approx(likelihood.item(), rel=1e-4)
    assert metrics["loss"] == pytest.approx(without["loss"] - 0.5 * likelihood.item(), rel=1e-4)
    assert {name: metrics[name] for name in ("return", "l2", "painting_share")} == {
        name: without[name] for name in ("return", "l2", "painting_share")
    }


def test_only_what_pays_is_imitated() -> None:
    """With discount 0 and dear lines: the lines that took off more than they cost, and moves when all was done."""
    learner, rollout = make(0.5, discount=0.0, addition_penalty=4.0)
    batch = TrajectoryTensors.of(RandomPlay(PaintVectorEnv(64, TINY), 3, seed=0).episodes(), CPU)
    likelihood, share = learner.hindsight(batch)
    pixels = batch.all_canvases.numpy() / 255.0
    left = learner.settings.l2_weight * np.square(pixels - pixels[-1]).mean((2, 3, 4))
    lines = batch.action[..., TINY.action_spec.flag].numpy() != 0
    worth = np.where(lines, left[:-1] - left[1:] > 4.0, left[:-1] == 0)
    assert 0 < worth.mean() < 1
    assert (lines & ~worth).any()
    log_prob = learner.policy.evaluate(batch.hindsight, batch.action, learner.policy.initial_state(64)).log_prob
    assert share.item() == pytest.approx(worth.mean())
    assert likelihood.item() == pytest.approx(log_prob.detach().numpy()[worth].mean(), rel=1e-4)
    rollout.targets = np.zeros((1, *TINY.canvas_shape), np.uint8)
    metrics = learner.update(rollout.episodes(), 0.0)
    assert metrics["return"] == pytest.approx(-4.0 * metrics["painting_share"] * TINY.num_actions, rel=1e-4)


def make(weight: float, **changes: float) -> tuple[PolicyLearner, Rollout]:
    """A learner that is paid nothing, and the rollout of its policy."""
    torch.manual_seed(0)
    settings = PolicySettings(
        network="laptop", conditional=True, noise_size=3, hindsight_weight=weight, policy_learning_rate=2e-3,
        policy_final_learning_rate=2e-3, stroke_start_penalty=0.0, empty_canvas_penalty=0.0, precision="float32",
        gradient_clip=1.0, entropy_cost=1e-3, final_entropy_cost=1e-3, **changes,  # type: ignore[arg-type]
    )  # fmt: skip
    policy = build_policy(settings, TINY.action_spec, TINY.canvas_shape, TINY.num_actions)
    judge = cast(Discriminator, FixedScore(lambda image: 0 * image.mean((1, 2, 3))))
    rollout = Rollout(PaintVectorEnv(64, TINY), policy, seed=0, precision="float32")
    return PolicyLearner(policy, judge, settings, CPU), rollout


def test_without_any_reward_a_policy_learns_to_trace() -> None:
    learner, rollout = make(1.0)
    rng = np.random.default_rng(0)
    shape = (TINY.num_actions, 256, len(TINY.action_spec.components))
    world = PaintVectorEnv(256, TINY)
    world.reset()
    for action in rng.integers(0, TINY.action_spec.sizes, shape):
        action[:, TINY.action_spec.flag] = 1
        observation, *_ = world.step(action)
    rollout.targets = observation["canvas"]
    found = [learner.update(rollout.episodes(update), 0.0) for update in range(150)]
    errors = [metrics["l2"] for metrics in found]
    assert np.mean(errors[-10:]) < 0.7 * np.mean(errors[:10]), (np.mean(errors[:10]), np.mean(errors[-10:]))
    assert found[-1]["hindsight_log_prob"] > found[0]["hindsight_log_prob"] + 1


def test_it_adds_the_likelihood_of_the_actions_under_what_they_painted() -> None:
    plain, rollout = make(0.0)
    weighted, _ = make(0.5)
    rollout.targets = np.random.default_rng(0).integers(0, 256, (9, *TINY.canvas_shape)).astype(np.uint8)
    trajectory = rollout.episodes()
    batch = TrajectoryTensors.of(trajectory, CPU)
    assert batch.hindsight.target is not None
    for target in batch.hindsight.target:
        assert torch.equal(target, batch.all_canvases[-1])
    expected, _ = plain.hindsight(batch)
    without, metrics = plain.update(trajectory, 0.0), weighted.update(trajectory, 0.0)
    assert "hindsight_log_prob" not in without
    assert metrics["hindsight_log_prob"] == pytest.approx(expected.item(), rel=1e-4)
    assert metrics["loss"] == pytest.approx(without["loss"] - 0.5 * expected.item(), rel=1e-4)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"conditional": False}, "needs conditional"),
        ({"unroll_length": 2}, "whole episodes"),
        ({"hindsight_weight": -1.0}, "expected at least 0, got -1"),
    ],
)
def test_what_it_needs_is_said(changes: dict[str, float], message: str) -> None:
    settings = {"conditional": True, "hindsight_weight": 1.0} | changes
    with pytest.raises(ValueError, match=rf"hindsight_weight: .*{message}"):
        PolicySettings(**settings)  # type: ignore[arg-type]
