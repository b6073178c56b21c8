"""The discriminator's learner: it tells images apart with every loss and stops at NaN."""

import copy
import math
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from learners.conditioning import score_records
from learners.discriminator_learner import DiscriminatorLearner
from learners.networks.build import build_discriminator
from learners.optimization import NonFiniteLoss
from learners.settings import DiscriminatorSettings
from tests.learners.examples import same_weights, weights_of

ADVERSARIES = [("wgan-gp", False), ("hinge", True), ("logistic", True), ("logistic", False)]


def make_learner(adversary: Any = "hinge", spectral_norm: bool = True, **settings: Any) -> DiscriminatorLearner:
    chosen = DiscriminatorSettings(
        adversary=adversary, spectral_norm=spectral_norm, discriminator_width=8, discriminator_learning_rate=1e-3,
        **settings,
    )  # fmt: skip
    return DiscriminatorLearner(build_discriminator(chosen, (8, 8, 1)), chosen, torch.device("cpu"), "float32")


def images(kind: str, count: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    """White canvases with noise (fake) and with a dark left half, too (real)."""
    canvas = rng.integers(200, 256, (count, 8, 8, 1), dtype=np.uint8)
    if kind == "real":
        canvas[:, :, :4] //= 4
    return canvas


@torch.no_grad()
def scores_of(learner: DiscriminatorLearner, canvases: NDArray[np.uint8]) -> Tensor:
    """Scores float32 [B] under a frozen copy, as the policy's learner has one."""
    return score_records(copy.deepcopy(learner.discriminator).eval(), torch.from_numpy(canvases), None)


@pytest.mark.parametrize(("adversary", "spectral_norm"), ADVERSARIES)
def test_it_tells_two_kinds_of_images_apart(adversary: str, spectral_norm: bool) -> None:
    learner, rng = make_learner(adversary, spectral_norm), np.random.default_rng(0)
    unseen = {kind: images(kind, 64, rng) for kind in ("real", "fake")}
    untrained = scores_of(learner, unseen["real"]).mean() - scores_of(learner, unseen["fake"]).mean()
    for _ in range(60):
        metrics = learner.update(images("real", 16, rng), images("fake", 16, rng))
    real, fake = scores_of(learner, unseen["real"]), scores_of(learner, unseen["fake"])
    assert real.min() > fake.max()
    assert real.mean() - fake.mean() > max(0.5, 5 * abs(untrained))
    assert learner.updates == 60
    assert all(type(value) is float and math.isfinite(value) for value in metrics.values())
    assert (metrics["gradient_penalty"] > 0) == (adversary == "wgan-gp")
    assert metrics["real"] > metrics["fake"]


def test_the_gradient_penalty_keeps_slopes_near_one() -> None:
    rng = np.random.default_rng(0)
    slopes = {}
    for weight in (0.0, 10.0):
        torch.manual_seed(0)
        learner = make_learner("wgan-gp", False, gradient_penalty_weight=weight)
        for _ in range(160):
            metrics = learner.update(images("real", 16, rng), images("fake", 16, rng))
        slopes[weight] = metrics["gradient_penalty"]
    assert slopes[10.0] < 0.5
    assert slopes[0.0] > 3.0


def test_the_centering_term_pulls_the_mean_score_to_zero() -> None:
    rng = np.random.default_rng(0)
    means = {}
    for weight in (0.0, 1.0):
        learner = make_learner("wgan-gp", False, centering_weight=weight)
        with torch.no_grad():
            learner.discriminator.score.bias.fill_(0.5)  # type: ignore[union-attr, operator]
        for _ in range(80):
            metrics = learner.update(images("real", 16, rng), images("fake", 16, rng))
        means[weight] = abs(metrics["real"] + metrics["fake"]) / 2
    assert means[1.0] < 0.1
    assert means[0.0] > 2 * means[1.0]


@pytest.mark.parametrize(("adversary", "spectral_norm"), ADVERSARIES)
@pytest.mark.parametrize("source", ["loss", "gradient"])
def test_a_non_finite_loss_stops_before_any_weight_changes(adversary: str, spectral_norm: bool, source: str) -> None:
    learner, rng = make_learner(adversary, spectral_norm), np.random.default_rng(0)
    real, fake = images("real", 4, rng), images("fake", 4, rng)
    learner.update(real, fake)
    if source == "loss":
        with torch.no_grad():
            learner.discriminator.score.bias.fill_(math.nan)  # type: ignore[union-attr, operator]
    else:

        def spoil(module: nn.Module) -> None:
            gradient = next(module.parameters()).grad
            assert gradient is not None
            gradient.fill_(math.nan)

        learner.reduce_gradients = spoil
    parameters = {name: weight.detach().clone() for name, weight in learner.discriminator.named_parameters()}
    optimizer = copy.deepcopy(learner.optimizer.state_dict())
    with pytest.raises(NonFiniteLoss, match="discriminator update 2: "):
        learner.update(real, fake)
    for name, weight in learner.discriminator.named_parameters():
        assert torch.equal(weight.nan_to_num(9.0), parameters[name].nan_to_num(9.0)), name
    for index, state in optimizer["state"].items():
        for name, value in state.items():
            assert torch.equal(learner.optimizer.state_dict()["state"][index][name], value)
    assert learner.updates == 1


def test_scoring_with_frozen_weights_leaves_the_power_iteration_alone() -> None:
    learner, rng = make_learner(), np.random.default_rng(0)
    before = weights_of(learner.discriminator)
    canvases = images("real", 4, rng)
    learner.discriminator.eval()
    scores = score_records(learner.discriminator, torch.from_numpy(canvases), None)
    assert (scores.shape, scores.dtype) == ((4,), torch.float32)
    assert same_weights(learner.discriminator, before)
    learner.discriminator.train()
    learner.update(canvases, images("fake", 4, rng))
    buffers = [name for name, _ in learner.discriminator.named_buffers()]
    assert buffers
    assert any(not torch.equal(learner.discriminator.state_dict()[name], before[name]) for name in buffers)


def test_more_real_images_than_fakes_are_fine_without_the_penalty() -> None:
    rng = np.random.default_rng(0)
    assert math.isfinite(make_learner().update(images("real", 6, rng), images("fake", 3, rng))["loss"])


def test_counters() -> None:
    learner, other = make_learner(), make_learner()
    learner.updates = 5
    other.set_counters(learner.counters())
    assert other.updates == 5
