"""The policy's learner: it learns, it stops at NaN, its schedules run, the discriminator stays as it is."""

import copy
import dataclasses
import math
from typing import Any, cast

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from actors.rollout import Rollout
from envs.paint import PaintConfig, PaintVectorEnv
from learners.networks.build import build_discriminator, build_policy
from learners.networks.discriminator import Discriminator
from learners.optimization import NonFiniteLoss, interpolate
from learners.policy_learner import PolicyLearner
from learners.settings import DiscriminatorSettings, PolicySettings
from learners.trajectory import Trajectory
from learners.trajectory_tensors import TrajectoryTensors
from tests.learners.examples import (
    NETWORKS,
    SMALL,
    FixedScore,
    make_policy,
    paint_batch,
    random_batch,
    same_weights,
    weights_of,
)

CPU = torch.device("cpu")


def ink(image: Tensor) -> Tensor:
    """Ink in the lower right quarter, less that elsewhere: float32 [B], in about [-1, 1]."""
    dark = (1 - image.mean(1)) / 2
    corner = dark[:, 8:, 8:].mean((1, 2))
    return 5 * corner - dark.mean((1, 2))


def fixed(score: Any) -> Discriminator:
    return cast(Discriminator, FixedScore(score))


def make_learner(score: Any = ink, **settings: Any) -> PolicyLearner:
    network = settings.pop("network", "laptop")
    policy_settings = PolicySettings(network=network, noise_size=3, precision="float32", **settings)
    return PolicyLearner(make_policy(network), fixed(score), policy_settings, CPU)


@pytest.mark.parametrize("reward", ["final", "difference"])
def test_a_policy_learns_to_paint_one_corner(reward: Any) -> None:
    config = PaintConfig(
        canvas_size=16, observation_size=16, grid=4, episode_length=3, brush="classic/pen", brush_sizes=(2.0,),
        pressure_levels=1, fixed_pressure=0.5, color=False, first_is_move=True,
    )  # fmt: skip
    settings = PolicySettings(
        network="laptop", noise_size=3, policy_learning_rate=1e-3, policy_final_learning_rate=1e-3, precision="float32",
        normalize_reward=True, advantage_floor=0.2, reward=reward, stroke_start_penalty=0.0, gradient_clip=1.0,
    )  # fmt: skip
    policy = build_policy(settings, config.action_spec, config.canvas_shape, config.num_actions)
    learner = PolicyLearner(policy, fixed(ink), settings, CPU)
    rollout = Rollout(PaintVectorEnv(64, config), policy, seed=0, precision="float32")
    scores, entropies = [], []
    for update in range(60):
        metrics = learner.update(rollout.episodes(update), update / 60)
        scores.append(metrics["score"])
        entropies.append(metrics["entropy"])
        assert metrics["lag"] == 0
    before, after = np.mean(scores[:5]), np.mean(scores[-5:])
    assert after > before + 0.15, (before, after)
    assert after > 2 * before
    assert entropies[-1] < entropies[0]
    assert metrics["painting_share"] > 0.45  # half is all that is possible
    assert learner.updates == 60


def parameters_only(learner: PolicyLearner) -> dict[str, Tensor]:
    return {name: weight.detach().clone() for name, weight in learner.policy.named_parameters()}


@pytest.mark.parametrize("network", NETWORKS)
def test_an_update_changes_all_weights_and_reports_plain_finite_numbers(network: Any) -> None:
    learner = make_learner(network=network)
    before = parameters_only(learner)
    metrics = learner.update(paint_batch(learner.policy), 0.0)
    assert all(type(value) is float and math.isfinite(value) for value in metrics.values()), metrics
    assert metrics["truncated_ratios"] == pytest.approx(0, abs=1e-3)
    for name, weight in learner.policy.named_parameters():
        assert (weight != before[name]).any(), name


def test_reward_metrics() -> None:
    learner = make_learner(stroke_start_penalty=0.5, empty_canvas_penalty=3.0)
    trajectory = paint_batch(learner.policy)
    flag = learner.policy.spec.flag
    trajectory.action[:, :, flag] = 0
    trajectory.action[1:3, 0, flag] = trajectory.action[0, 1, flag] = trajectory.action[2, 1, flag] = 1
    trajectory.action[:, 2:5, flag] = 1  # rows 0 and 2 to 4: one stroke, row 1: two, row 5: none
    learner.updates, trajectory.version = 7, 3
    metrics = learner.update(trajectory, 0.0)
    assert metrics["stroke_starts"] == pytest.approx(6 / 6)
    assert metrics["painting_share"] == pytest.approx((2 + 2 + 12) / 24)
    assert metrics["return"] == pytest.approx(metrics["score"] - 0.5 * 6 / 6 - 3.0 / 6, abs=1e-5)
    assert metrics["lag"] == 4


@pytest.mark.parametrize("source", ["score", "trajectory", "gradient"])
def test_a_non_finite_loss_stops_before_anything_changes(source: str) -> None:
    broken = [False]

    def score(image: Tensor) -> Tensor:
        return ink(image) * (math.nan if broken[0] else 1.0)

    learner = make_learner(score, normalize_reward=True)
    learner.update(paint_batch(learner.policy), 0.0)
    trajectory = paint_batch(learner.policy, seed=1)
    weights, optimizer = weights_of(learner.policy), copy.deepcopy(learner.optimizer.state_dict())
    counters = learner.counters()
    if source == "score":
        broken[0] = True
    elif source == "trajectory":
        trajectory.log_prob[1, 2] = math.nan
    else:

        def spoil(module: nn.Module) -> None:
            gradient = next(module.parameters()).grad
            assert gradient is not None
            gradient[0] = math.inf

        learner.reduce_gradients = spoil
    with pytest.raises(NonFiniteLoss, match=r"policy update 2: loss .*(nan|inf)"):
        learner.update(trajectory, 1.0)
    assert same_weights(learner.policy, weights)
    after = learner.optimizer.state_dict()
    assert after["param_groups"] == optimizer["param_groups"]
    for index, state in optimizer["state"].items():
        for name, value in state.items():
            assert torch.equal(after["state"][index][name], value)
    assert learner.counters() == counters
    broken[0], learner.reduce_gradients = False, None
    learner.update(paint_batch(learner.policy, seed=2), 0.0)  # and it can go on
    assert all(torch.isfinite(weight).all() for weight in learner.policy.parameters())


def test_interpolate() -> None:
    assert interpolate(5e-4, 5e-5, 0.0) == 5e-4
    assert interpolate(5e-4, 5e-5, 0.5) == pytest.approx(2.75e-4)
    assert interpolate(5e-4, 5e-5, 1.0) == pytest.approx(5e-5)
    assert interpolate(1.0, 2.0, -1.0) == 1.0
    assert interpolate(1.0, 2.0, 7.0) == 2.0


def test_schedules_reach_the_optimizer_and_the_loss() -> None:
    learner = make_learner(
        policy_learning_rate=1e-3, policy_final_learning_rate=1e-4, entropy_cost=0.5, final_entropy_cost=0.1
    )
    trajectory = paint_batch(learner.policy)
    for progress, rate, cost in ((0.0, 1e-3, 0.5), (0.5, 5.5e-4, 0.3), (1.0, 1e-4, 0.1)):
        metrics = learner.update(trajectory, progress)
        assert metrics["learning_rate"] == pytest.approx(rate)
        assert {group["lr"] for group in learner.optimizer.param_groups} == {metrics["learning_rate"]}
        assert metrics["entropy_cost"] == pytest.approx(cost)
        parts = metrics["policy_loss"] + 0.5 * metrics["value_loss"] - cost * metrics["entropy"]
        assert metrics["loss"] == pytest.approx(parts, abs=1e-4)


@pytest.mark.parametrize("reward", ["final", "difference"])
def test_the_discriminator_is_frozen(reward: Any) -> None:
    settings = DiscriminatorSettings(discriminator_width=4, spectral_norm=True)
    discriminator = build_discriminator(settings, SMALL.canvas_shape)
    policy_settings = PolicySettings(network="laptop", noise_size=3, reward=reward)
    learner = PolicyLearner(make_policy("laptop"), discriminator, policy_settings, CPU)
    before = weights_of(discriminator)
    trajectory = paint_batch(learner.policy)
    learner.update(trajectory, 0.0)
    assert same_weights(discriminator, before)  # the power iteration's vectors, too
    assert all(weight.grad is None and not weight.requires_grad for weight in discriminator.parameters())
    assert not discriminator.training
    other = build_discriminator(settings, SMALL.canvas_shape)
    learner.set_discriminator(other.state_dict(), version=3)
    assert learner.discriminator_version == 3
    assert same_weights(learner.discriminator, weights_of(other))
    with torch.no_grad():
        next(other.parameters()).add_(1.0)
    assert not same_weights(learner.discriminator, weights_of(other))  # a copy, not the object


@pytest.mark.parametrize("reward", ["final", "difference"])
def test_counters_survive_a_checkpoint(reward: Any) -> None:
    learner = make_learner(normalize_reward=True, reward=reward)
    for seed in range(2):
        learner.update(paint_batch(learner.policy, seed=seed), 0.0)
    assert learner.normalizer.count == 2
    other = make_learner(normalize_reward=True, reward=reward)
    other.set_counters(learner.counters())
    assert (other.updates, other.normalizer) == (2, learner.normalizer)
    other.normalizer.take(1.0, 0.0)
    assert learner.normalizer.count == 2


def test_the_loss_is_that_of_the_recorded_actions() -> None:
    """Policy gradient by hand: with rewards r at the last step and no floor, -mean(A log pi), A = return - V."""
    learner = make_learner(stroke_start_penalty=0.0, empty_canvas_penalty=0.0)
    policy = learner.policy
    inputs, actions = random_batch(policy, SMALL, time=4, batch=5)
    inputs = dataclasses.replace(inputs, previous_action=torch.cat([torch.zeros_like(actions[:1]), actions[:-1]]))
    with torch.no_grad():
        evaluation = policy.evaluate(inputs, actions, policy.initial_state(5))
    canvas = torch.cat([inputs.canvas, inputs.canvas[:1]])
    trajectory = Trajectory(
        canvas.numpy(), actions.numpy().astype(np.int16), evaluation.log_prob.numpy(), inputs.noise[0].numpy(), 0, 0
    )
    final = ink(canvas[-1].permute(0, 3, 1, 2) / 127.5 - 1)
    advantages = final - evaluation.value  # undiscounted, on-policy: every step's return is the final score
    metrics = learner.update(trajectory, 0.0)
    assert metrics["policy_loss"] == pytest.approx(-(advantages * evaluation.log_prob).mean().item(), rel=1e-3)
    assert metrics["value_loss"] == pytest.approx(advantages.square().mean().item(), rel=1e-3)
    assert metrics["entropy"] == pytest.approx(evaluation.entropy.mean().item(), rel=1e-4)
    assert metrics["advantage_std"] == pytest.approx(advantages.std(correction=0).item(), rel=1e-3)


def test_scores_are_scaled_by_what_all_learners_saw() -> None:
    """Another learner's batch had mean 4 and spread 1; one whose unroll ended no painting has nothing to say."""

    def average(found: Tensor) -> None:
        found.add_(torch.tensor([1.0, 4.0, 1.0])).div_(2)

    learner = make_learner(normalize_reward=True)
    learner.average = average
    learner.update_normalizer(learner.normalizer, torch.tensor([1.0, 3.0]))
    assert (learner.normalizer.mean, learner.normalizer.std) == (3.0, 1.0)
    other = make_learner(normalize_reward=True)
    other.average = average
    other.update_normalizer(other.normalizer, torch.zeros(0))
    assert (other.normalizer.mean, other.normalizer.std, other.normalizer.count) == (4.0, 1.0, 1)
    alone = make_learner(normalize_reward=True)
    alone.update_normalizer(alone.normalizer, torch.zeros(0))
    assert alone.normalizer.count == 0


def test_entropy_is_held_up_below_the_floor_only() -> None:
    learners = {floor: make_learner(entropy_floor=floor, entropy_floor_cost=0.2) for floor in (0.0, 1.0, 100.0)}
    trajectory = paint_batch(learners[0.0].policy)
    found = {floor: learner.update(trajectory, 0.0) for floor, learner in learners.items()}
    assert found[0.0]["entropy"] > 1.0
    assert found[1.0]["loss"] == found[0.0]["loss"]
    assert found[100.0]["loss"] == pytest.approx(found[0.0]["loss"] + 0.2 * (100 - found[0.0]["entropy"]), rel=1e-5)
    with torch.no_grad():
        batch = TrajectoryTensors.of(trajectory, CPU)
        state = learners[0.0].policy.initial_state(batch.action.shape[1])
        entropies = {
            floor: learner.policy.evaluate(batch.inputs, batch.action, state).entropy.mean().item()
            for floor, learner in learners.items()
        }
    assert entropies[100.0] > entropies[0.0] == entropies[1.0]
