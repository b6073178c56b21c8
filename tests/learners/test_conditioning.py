"""Targets: who sees them, what the discriminator is shown, and what they are worth."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import pytest
import torch
from torch import Tensor

from actors.rollout import Rollout
from envs.paint import PaintConfig, PaintVectorEnv
from learners.conditioning import (
    actions_of,
    complements,
    discriminator_images,
    random_complement,
    score_records,
    squared_error,
)
from learners.discriminator_learner import DiscriminatorLearner
from learners.networks.build import build_discriminator, build_policy
from learners.networks.discriminator import Discriminator, to_image
from learners.networks.joint import JointDiscriminator
from learners.networks.policy import PaintPolicy, PolicyInputs
from learners.policy_learner import PolicyLearner
from learners.records import make_records
from learners.settings import DiscriminatorSettings, NetworkName, PolicySettings
from learners.trajectory_tensors import TrajectoryTensors
from tests.learners.examples import NETWORKS, SMALL, FixedScore

CPU = torch.device("cpu")
both = pytest.mark.parametrize("network", NETWORKS)


def conditional(network: NetworkName, config: PaintConfig = SMALL, **changes: Any) -> PaintPolicy:
    torch.manual_seed(1)
    settings = PolicySettings(network=network, conditional=True, noise_size=3, **changes)
    return build_policy(settings, config.action_spec, config.canvas_shape, config.num_actions)


def random_images(count: int, config: PaintConfig = SMALL, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, *config.canvas_shape)).astype(np.uint8)


def situation(config: PaintConfig = SMALL, count: int = 3, **images: Tensor) -> PolicyInputs:
    return PolicyInputs(
        canvas=images.get("canvas", torch.full((count, *config.canvas_shape), 255, dtype=torch.uint8)),
        previous_action=torch.zeros(count, len(config.action_spec.components), dtype=torch.long),
        step=torch.zeros(count, dtype=torch.long),
        noise=torch.zeros(count, 3),
        target=images.get("target"),
    )


def flag_logits(policy: PaintPolicy, inputs: PolicyInputs) -> Tensor:
    """What the policy thinks of its first decision."""
    with torch.no_grad():
        core, _ = policy.core(policy.features(inputs)[None], policy.initial_state(len(inputs.canvas)))
        return policy.logits(policy.spec.flag, core[0], policy.context(inputs))


@both
def test_a_conditional_policy_sees_the_target(network: NetworkName) -> None:
    policy = conditional(network)
    one, two = (torch.from_numpy(random_images(3, seed=seed)) for seed in (1, 2))
    assert not torch.equal(flag_logits(policy, situation(target=one)), flag_logits(policy, situation(target=two)))
    with pytest.raises(ValueError, match="a conditional policy needs one for each canvas"):
        policy.features(situation())


@both
def test_a_blind_policy_does_not_see_the_canvas(network: NetworkName) -> None:
    canvas, target = torch.from_numpy(random_images(3)), torch.from_numpy(random_images(3, seed=1))
    seeing, blind = conditional(network), conditional(network, blind=True)
    for policy, same in ((seeing, False), (blind, True)):
        painted, white = situation(canvas=canvas, target=target), situation(target=target)
        assert torch.equal(flag_logits(policy, painted), flag_logits(policy, white)) == same


def test_the_laptops_location_heads_look_at_each_cell() -> None:
    """Ink moved by one cell of the target moves the pointer's part of the logits by one cell."""
    policy = conditional("laptop")
    end = policy.spec.names.index("end")
    hidden = torch.randn(1, 256, generator=torch.Generator().manual_seed(0))
    step = SMALL.observation_size // SMALL.grid

    def pointed(row: int) -> Tensor:
        target = torch.full((1, *SMALL.canvas_shape), 255, dtype=torch.uint8)
        target[:, step * row : step * row + 2, 8:10] = 0
        with torch.no_grad():
            logits = policy.logits(end, hidden, policy.context(situation(count=1, target=target)))
            plain = policy.heads[end].linear(hidden)  # type: ignore[union-attr,operator]
        return (logits - plain).view(SMALL.grid, SMALL.grid)

    first, second = pointed(1), pointed(2)
    assert first.std() > 0
    assert torch.allclose(first[1], second[2], atol=1e-5)


@both
def test_targets_are_drawn_and_recorded(network: NetworkName) -> None:
    rollout = Rollout(PaintVectorEnv(5, SMALL), conditional(network), seed=0, precision="float32")
    with pytest.raises(ValueError, match="needs images to draw its targets from"):
        rollout.episodes()
    rollout.targets = random_images(7)
    first, second = rollout.episodes().target, rollout.episodes().target
    assert first is not None
    assert second is not None
    for target in (*first, *second):
        assert any(np.array_equal(target, image) for image in rollout.targets)
    assert not np.array_equal(first, second)
    given = random_images(5, seed=9)
    assert np.array_equal(rollout.episodes(target=given).target, given)


def test_complements_put_halves_together() -> None:
    painting, target = np.zeros((2, 4, 4, 1), np.uint8), np.full((2, 4, 4, 1), 9, np.uint8)
    records = torch.from_numpy(make_records(painting, target))
    left, right = complements(records)
    assert left[0, 0, :, 0].tolist() == [9, 9, 0, 0]
    assert right[0, 0, :, 0].tolist() == [0, 0, 9, 9]
    real = torch.from_numpy(make_records(target, target))
    assert all(torch.equal(view, torch.from_numpy(target)) for view in complements(real))
    torch.manual_seed(0)
    drawn = random_complement(records.repeat(50, 1, 1, 1))[:, 0, 0, 0]
    assert 20 < int((drawn == 9).sum()) < 80


def test_scores_of_complements_are_the_mean_of_both() -> None:
    records = torch.from_numpy(make_records(random_images(4), random_images(4, seed=1)))
    network = FixedScore(lambda image: image[:, :, :, :8].mean((1, 2, 3)))
    left, right = complements(records)
    expected = sum(view[:, :, :8].float().mean((1, 2, 3)) / 127.5 - 1 for view in (left, right)) / 2
    assert torch.allclose(score_records(network, records, "complement"), expected, atol=1e-5)


def test_squared_error_is_in_units_of_full_pixels() -> None:
    black, white = torch.zeros(2, 4, 4, 1, dtype=torch.uint8), torch.full((2, 4, 4, 1), 255, dtype=torch.uint8)
    assert squared_error(black, white).tolist() == [1.0, 1.0]
    half = white.clone()
    half[:, :2] = 0
    assert squared_error(half, white).tolist() == [0.5, 0.5]


@pytest.mark.parametrize("source", ["l2", "both", "discriminator"])
def test_each_source_pays_what_it_says(source: Any) -> None:
    """A discriminator that scores the mean of painting and target; the target is black."""
    settings = PolicySettings(
        network="laptop", conditional=True, noise_size=3, reward_source=source, l2_weight=3.0, precision="float32",
        reward="difference", stroke_start_penalty=0.0, empty_canvas_penalty=0.0,
    )  # fmt: skip
    policy = build_policy(settings, SMALL.action_spec, SMALL.canvas_shape, SMALL.num_actions)
    judge = FixedScore(lambda image: image.mean((1, 2, 3)))
    learner = PolicyLearner(policy, cast(Discriminator, judge), settings, CPU)
    rollout = Rollout(PaintVectorEnv(4, SMALL), policy, seed=0, precision="float32")
    black = np.zeros((4, *SMALL.canvas_shape), np.uint8)
    trajectory = rollout.episodes(target=black)
    metrics = learner.update(trajectory, 0.0)
    brightness = trajectory.canvas[-1].astype(np.float64).mean((1, 2, 3)) / 127.5 - 1
    square = np.square(trajectory.canvas[-1].astype(np.float64) / 255).mean((1, 2, 3))
    score = (brightness - 1) / 2  # of the pair
    expected = {"discriminator": score, "l2": -3 * square, "both": score - 3 * square}[source].mean()
    assert metrics["score"] == pytest.approx(expected, abs=1e-5)
    assert metrics["l2"] == pytest.approx(square.mean(), abs=1e-5)
    start = {"discriminator": 0.0, "l2": -3.0, "both": -3.0}[source]  # a white canvas beside a black target
    assert metrics["return"] == pytest.approx(expected - start, abs=1e-5)


def test_actions_travel_in_records() -> None:
    policy = conditional("laptop")
    rollout = Rollout(PaintVectorEnv(5, SMALL), policy, seed=0, precision="float32")
    trajectory = rollout.episodes(target=random_images(5))
    records = make_records(trajectory.canvas[-1], trajectory.target, trajectory.action)
    assert records.shape == (5, 16, 16, 7)
    network = JointDiscriminator(SMALL.canvas_shape, SMALL.action_spec, SMALL.num_actions, 4)
    tensors = torch.from_numpy(records)
    assert np.array_equal(actions_of(tensors, network).numpy(), trajectory.action.swapaxes(0, 1))
    assert torch.equal(discriminator_images(tensors, "joint", real=False), torch.from_numpy(trajectory.canvas[-1]))
    assert torch.equal(discriminator_images(tensors, "joint", real=True), torch.from_numpy(trajectory.target))


def test_a_joint_discriminator_pays_for_actions_too() -> None:
    torch.manual_seed(0)
    settings = PolicySettings(network="laptop", conditional=True, noise_size=3, precision="float32")
    policy = conditional("laptop")
    network = JointDiscriminator(SMALL.canvas_shape, SMALL.action_spec, SMALL.num_actions, 4)
    learner = PolicyLearner(policy, network, settings, CPU, conditioning="joint")
    rollout = Rollout(PaintVectorEnv(5, SMALL), policy, seed=0, precision="float32")
    trajectory = rollout.episodes(target=random_images(5))
    score = learner.score(TrajectoryTensors.of(trajectory, CPU))
    with torch.no_grad():
        expected = network(
            to_image(torch.from_numpy(trajectory.canvas[-1])),
            torch.from_numpy(trajectory.action.swapaxes(0, 1).astype(np.int64)),
        )
    assert torch.allclose(score, expected, atol=1e-5)
    trajectory.action[:, 0] = (trajectory.action[:, 0] + 1) % 2
    other = learner.score(TrajectoryTensors.of(trajectory, CPU))
    assert other[0] != score[0]
    assert torch.allclose(other[1:], score[1:], atol=1e-5)


@pytest.mark.parametrize("adversary", ["hinge", "wgan-gp"])
def test_a_joint_discriminator_learns_which_actions_belong_to_an_image(adversary: Any) -> None:
    """Paintings whose actions say where their line is, and targets beside them whose actions do not fit."""
    config = PaintConfig(
        canvas_size=16, observation_size=16, grid=16, episode_length=2, brush="classic/pen", brush_sizes=(1.0,),
        pressure_levels=1, fixed_pressure=0.5, color=False,
    )  # fmt: skip
    settings = DiscriminatorSettings(
        adversary=adversary, spectral_norm=adversary == "hinge", discriminator_width=8, conditioning="joint",
        discriminator_learning_rate=2e-3,
    )  # fmt: skip
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    network = build_discriminator(settings, (16, 16, 1), (config.action_spec, 1))
    learner = DiscriminatorLearner(network, settings, CPU, "float32", conditioning="joint")
    bars = np.full((16, 16, 16, 1), 255, np.uint8)
    for place in range(16):
        bars[place, place // 4 * 4 : place // 4 * 4 + 4] = 0

    def records(offset: int) -> np.ndarray:
        painted = rng.integers(4, size=64) * 4
        target = (painted + offset) % 16
        action = np.stack([painted * 16, painted * 16, np.ones(64, int)], 1)[None].astype(np.int16)
        return make_records(bars[painted], bars[target], action)

    for _ in range(200):
        metrics = learner.update(records(8), records(8))
    assert metrics["fake"] < metrics["real"] - 0.5, metrics


def test_rewards_from_a_target_need_one() -> None:
    with pytest.raises(ValueError, match="reward_source: l2 compares with a target"):
        PolicySettings(reward_source="l2")


@pytest.mark.parametrize("conditioning", ["pair", "complement"])
def test_a_discriminator_learns_to_tell_reproductions_from_other_paintings(conditioning: Any) -> None:
    """Fakes are good images too, but not of the target: only who looks at both can tell."""
    settings = DiscriminatorSettings(
        adversary="hinge", spectral_norm=True, discriminator_width=8, discriminator_learning_rate=2e-3,
        conditioning=conditioning,
    )  # fmt: skip
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    network = build_discriminator(settings, (16, 16, 1 if conditioning == "complement" else 2))
    learner = DiscriminatorLearner(network, settings, CPU, "float32", conditioning=conditioning)
    bars = np.full((16, 16, 16, 1), 255, np.uint8)
    for place in range(16):
        bars[place, place] = 0  # a black line at one of 16 heights
    for _ in range(150):
        real, fake = rng.integers(16, size=32), rng.integers(16, size=32)
        other = (fake + rng.integers(3, 13, size=32)) % 16
        metrics = learner.update(make_records(bars[real], bars[real]), make_records(bars[fake], bars[other]))
    assert metrics["real"] > metrics["fake"] + 1, metrics
