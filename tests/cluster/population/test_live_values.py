"""Values in a live system: set, read back from the optimizers, and not undone by a checkpoint."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cluster.painter.learners import PolicyGroupLearner
from cluster.painter.live_settings import read_live_values
from cluster.painter.settings import PainterSettings
from cluster.painter.spiral import Spiral, SpiralConfig
from cluster.population.hyperparameters import settings_with
from cluster.population.live_values import NotApplied, apply_values
from cluster.population.member_config import comparison_due, own_settings, resources
from cluster.population.settings import PopulationSettings
from tests.helpers.tiny_run import quiet, tiny_settings

FIRST = {"entropy_cost": 0.02, "policy_learning_rate": 3e-4}
SECOND = {"entropy_cost": 0.05, "policy_learning_rate": 7e-5, "discriminator_learning_rate": 2e-4}


@pytest.fixture(scope="module")
def base(images: Path) -> PainterSettings:
    return own_settings(tiny_settings(images, steps=100_000, policy_warmup_updates=0), 0)


@pytest.fixture(scope="module")
def spiral(base: PainterSettings, private_ray: None) -> Iterator[Spiral]:
    algorithm = SpiralConfig().use(settings_with(base, FIRST)).build_algo()
    assert isinstance(algorithm, Spiral)
    yield algorithm
    algorithm.stop()


def rates(algorithm: Spiral) -> tuple[float, float]:
    """Step sizes in the two optimizers, read without the project's own functions."""
    found = []
    for group in (algorithm.policy_group, algorithm.discriminator_group):
        (rate,) = {each["lr"] for each in group._learner.inner.optimizer.param_groups}  # type: ignore[union-attr]
        found.append(rate)
    return found[0], found[1]


def test_restoring_does_not_bring_an_old_learning_rate_back(spiral: Spiral, base: PainterSettings) -> None:
    while spiral.policy_updates < 3:
        spiral.train()
    old = spiral.make_checkpoint()
    before = spiral.policy_updates
    saved = old.documents["optimizers"]["policy"]["param_groups"][0]["lr"]
    spiral.restore_checkpoint(old)
    applied, decays = apply_values(spiral, base, SECOND)
    policy, discriminator = rates(spiral)
    assert policy == applied["policy_learning_rate"] == pytest.approx(7e-5 * decays["policy_learning_rate"])
    assert policy < saved / 2
    assert discriminator == applied["discriminator_learning_rate"] == 2e-4
    assert applied["entropy_cost"] == pytest.approx(0.05 * decays["entropy_cost"])
    spiral.meters.summary()
    quiet(spiral)
    while spiral.policy_updates < before + 3:
        spiral.train()
    assert spiral.latest["policy/learning_rate"] == pytest.approx(rates(spiral)[0], rel=0.05)
    assert spiral.latest["policy/entropy_cost"] == pytest.approx(applied["entropy_cost"], rel=0.05)
    spiral.settle()
    spiral.restore_checkpoint(old)
    assert read_live_values(spiral.learner_groups, spiral.progress)["policy_learning_rate"] < saved / 2, (
        "the checkpoint's step size is back"
    )


def test_a_value_that_did_not_arrive_is_noticed(
    spiral: Spiral, base: PainterSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def deaf(self: PolicyGroupLearner, settings: PainterSettings, progress: float) -> None:
        self.inner.settings = settings.policy  # and the optimizer keeps its step size

    monkeypatch.setattr(PolicyGroupLearner, "adopt", deaf)
    with pytest.raises(NotApplied, match="policy_learning_rate: the learner holds"):
        apply_values(spiral, base, FIRST)


def test_reset_config_refuses_what_takes_a_new_system(spiral: Spiral, base: PainterSettings) -> None:
    present = spiral.settings
    assert spiral.reset_config({"settings": present.replace(entropy_cost=0.03)})
    assert spiral.settings.policy.entropy_cost == 0.03
    assert not spiral.reset_config({"settings": present.replace(canvases=32)})
    assert not spiral.reset_config({"settings": present.replace(noise_size=4)})
    assert spiral.settings.policy.entropy_cost == 0.03


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"actors": 2}, [0.5, 0.25, 0.25]),
        ({"policy_learners": 1, "discriminator_learners": 2}, [0.5, 0.25, 1.0, 1.0, 1.0]),
        ({"discriminator_learners": 1}, [1.0, 0.25, 1.0]),  # the driver learns the policy
    ],
)
def test_a_trial_books_every_process(images: Path, changes: dict[str, Any], expected: list[float]) -> None:
    learner = 1.0 if len(changes) > 1 or "actors" not in changes else 0.25
    population = PopulationSettings(driver_cpus=0.5, actor_cpus=0.25, learner_cpus=learner)
    request = resources(tiny_settings(images, **changes), population)
    assert [bundle.get("CPU", 0) for bundle in request.bundles] == expected


def test_milestones_are_multiples_of_the_interval_and_the_end() -> None:
    population = PopulationSettings(interval_steps=100)
    assert comparison_due(99, 0, population, 250) is None
    assert comparison_due(100, 0, population, 250) == (1, 100)
    assert comparison_due(199, 1, population, 250) is None
    assert comparison_due(230, 1, population, 250) == (2, 200), "also where a checkpoint fell between"
    assert comparison_due(249, 2, population, 250) is None
    assert comparison_due(251, 2, population, 250) == (3, 250)
    assert comparison_due(251, 3, population, 250) is None
    assert comparison_due(300, 2, population, 300) == (3, 300)
