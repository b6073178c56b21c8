"""Who copies whom, and what a copy changes."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest

from cluster.painter.settings import preset
from cluster.population.exploit import decide, ranking
from cluster.population.hyperparameters import check_decays, decay, draw, explore, settings_with
from cluster.population.settings import PopulationSettings, population_preset
from learners.optimization import interpolate

SCORES = {0: -4.0, 1: -1.0, 2: -3.0, 3: -2.0}


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def population(**changes: object) -> PopulationSettings:
    return PopulationSettings(**({"burn_in_steps": 100, "interval_steps": 100} | changes))  # type: ignore[arg-type]


def verdicts(settings: PopulationSettings, scores: dict[int, float | None], seed: int = 0) -> dict[int, int | None]:
    return {member: decide(member, scores, 100, False, settings, rng(seed)).donor for member in scores}


def test_ranking_puts_what_could_not_be_measured_last() -> None:
    assert ranking({0: None, 1: -5.0, 2: math.nan, 3: 2.0}) == [3, 1, 0, 2]


def test_truncation_lets_the_worst_copy_the_best_and_nobody_else() -> None:
    assert verdicts(population(), dict(SCORES)) == {0: 1, 1: None, 2: None, 3: None}
    halves = [verdicts(population(truncation_share=0.5), dict(SCORES), seed) for seed in range(40)]
    assert {each[0] for each in halves} == {1, 3}
    assert {each[2] for each in halves} == {1, 3}
    assert all(each[1] is None and each[3] is None for each in halves)


def test_truncation_never_copies_an_equal() -> None:
    assert set(verdicts(population(), dict.fromkeys(range(4), -1.0)).values()) == {None}
    assert set(verdicts(population(), dict.fromkeys(range(4), None)).values()) == {None}


def test_a_member_without_a_score_copies() -> None:
    assert verdicts(population(), SCORES | {1: None})[1] == 3
    assert verdicts(population(exploit="tournament"), {0: None, 1: -1.0}) == {0: 1, 1: None}


def test_a_tournament_needs_the_margin() -> None:
    settings = population(exploit="tournament", tournament_margin=0.1)
    assert verdicts(settings, {0: -10.0, 1: -9.01}) == {0: None, 1: None}
    assert verdicts(settings, {0: -10.0, 1: -8.99}) == {0: 1, 1: None}
    assert verdicts(settings, {0: 10.0, 1: 11.01}) == {0: 1, 1: None}


def test_a_tournament_draws_every_opponent() -> None:
    settings = population(exploit="tournament")
    met = Counter(decide(0, SCORES, 100, False, settings, rng(seed)).donor for seed in range(300))
    assert set(met) == {1, 2, 3}
    assert min(met.values()) > 60


@pytest.mark.parametrize(
    ("milestone", "last", "changes", "reason"),
    [
        (99, False, {}, "burn-in until 100 steps"),
        (200, True, {}, "the run is over"),
        (200, False, {"exploit": "none"}, "settings are fixed"),
    ],
)
def test_reasons_to_go_on(milestone: int, last: bool, changes: dict[str, str], reason: str) -> None:
    verdict = decide(0, SCORES, milestone, last, population(**changes), rng())
    assert verdict.donor is None
    assert reason in verdict.reason


def test_perturbation_multiplies_or_divides_and_stays_in_range() -> None:
    settings = population(perturbation_factor=1.2)
    values = {"entropy_cost": 0.01, "policy_learning_rate": 2.9e-4}
    seen = set()
    for seed in range(50):
        changed, operations = explore(values, settings, rng(seed))
        assert changed["entropy_cost"] == pytest.approx(
            0.012 if operations["entropy_cost"] == "*1.2" else 0.01 / 1.2, rel=1e-12
        )
        rate = 3e-4 if operations["policy_learning_rate"] == "*1.2" else 2.9e-4 / 1.2
        assert changed["policy_learning_rate"] == pytest.approx(rate, rel=1e-12)
        seen.add((operations["entropy_cost"], operations["policy_learning_rate"]))
    assert len(seen) == 4


def test_values_are_drawn_evenly_in_the_logarithm() -> None:
    settings = population(entropy_cost_range=(1e-4, 1e-2))
    drawn = [draw(settings, rng(seed))["entropy_cost"] for seed in range(400)]
    assert min(drawn) >= 1e-4
    assert max(drawn) <= 1e-2
    assert 150 < sum(value < 1e-3 for value in drawn) < 250
    again, operations = explore({"entropy_cost": 1.0}, population(explore="resample"), rng(3))
    assert set(operations.values()) == {"resample"}
    assert again == draw(population(), rng(3))


def test_the_discriminators_step_size_evolves_on_request() -> None:
    assert set(draw(population(), rng())) == {"entropy_cost", "policy_learning_rate"}
    assert set(draw(population(evolve_discriminator=True), rng())) == {
        "entropy_cost",
        "policy_learning_rate",
        "discriminator_learning_rate",
    }


def test_values_compose_with_the_presets_decays() -> None:
    """A value stands for the start of its decay: the whole schedule is multiplied."""
    base = preset("laptop")
    values = {"entropy_cost": 0.05, "policy_learning_rate": 1e-4, "discriminator_learning_rate": 7e-5}
    changed = settings_with(base, values)
    factor = values["policy_learning_rate"] / base.policy.policy_learning_rate
    for progress in (0.0, 0.3, 1.0):
        plain = interpolate(base.policy.policy_learning_rate, base.policy.policy_final_learning_rate, progress)
        scaled = interpolate(changed.policy.policy_learning_rate, changed.policy.policy_final_learning_rate, progress)
        assert scaled == pytest.approx(factor * plain)
        assert scaled == pytest.approx(1e-4 * decay(base, "policy_learning_rate", progress, 10**6))
        cost = interpolate(changed.policy.entropy_cost, changed.policy.final_entropy_cost, progress)
        assert cost == pytest.approx(0.05 * decay(base, "entropy_cost", progress, 0))
    assert decay(base, "policy_learning_rate", 0.0, 9) == pytest.approx(10 / base.policy.policy_warmup_updates)
    assert changed.discriminator.discriminator_learning_rate == 7e-5
    assert decay(base, "discriminator_learning_rate", 0.9, 0) == 1.0


def test_a_setting_of_zero_can_not_evolve() -> None:
    with pytest.raises(ValueError, match="entropy_cost: must be above 0"):
        check_decays(preset("laptop").replace(entropy_cost=0.0), population())


@pytest.mark.parametrize(
    "wrong",
    [
        {"members": 0},
        {"truncation_share": 0.6},
        {"perturbation_factor": 1.0},
        {"entropy_cost_range": (0.1, 0.01)},
        {"policy_learning_rate_range": (0.0, 0.01)},
        {"interval_steps": 0},
    ],
)
def test_settings_are_checked(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        population(**wrong)


def test_settings_survive_json() -> None:
    for name in ("laptop", "paper"):
        settings = population_preset(name)  # type: ignore[arg-type]
        values = {key: list(value) if isinstance(value, tuple) else value for key, value in settings.to_json().items()}
        assert PopulationSettings.from_json(values) == settings
        low, high = settings.policy_learning_rate_range
        assert low < preset(name).policy.policy_learning_rate < high  # type: ignore[arg-type]
