"""Evolved hyper-parameters: draws and changes of values, and their product with a run's decays."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from cluster.painter.live_settings import EVOLVING
from cluster.painter.settings import PainterSettings
from cluster.population.lineage.ancestry import Values
from cluster.population.settings import PopulationSettings


def draw(population: PopulationSettings, rng: np.random.Generator) -> Values:
    """First values, evenly in the logarithm of their ranges."""
    return {
        name: math.exp(rng.uniform(math.log(low), math.log(high))) for name, (low, high) in population.ranges().items()
    }


def explore(
    values: Mapping[str, float], population: PopulationSettings, rng: np.random.Generator
) -> tuple[Values, dict[str, str]]:
    """Change each value as `population.explore` says; returns new values, within their ranges, and the operations."""
    if population.explore == "resample":
        drawn = draw(population, rng)
        return drawn, dict.fromkeys(drawn, "resample")
    changed: Values = {}
    operations: dict[str, str] = {}
    factor = population.perturbation_factor
    for name, (low, high) in population.ranges().items():
        up = bool(rng.integers(2))
        changed[name] = min(max(values[name] * factor if up else values[name] / factor, low), high)
        operations[name] = f"{'*' if up else '/'}{factor:g}"
    return changed, operations


def settings_with(base: PainterSettings, values: Mapping[str, float]) -> PainterSettings:
    """The settings of a member with these values.

    A value replaces the *start* of its decay, and the end is moved by the same factor: what the preset's schedule does
    over the run (linear decay, warm-up) multiplies the value, whenever it was changed.

    Args:
        base: settings that all members share.
        values: by name of the setting.
    """
    changes: dict[str, float] = {}
    for name, value in values.items():
        changes[name] = value
        part, final = decay_of(base, name)
        if final:
            changes[final] = value * (getattr(part, final) / getattr(part, name))
    return base.replace(**changes)


def check_decays(base: PainterSettings, population: PopulationSettings) -> None:
    """Raise ValueError if a setting that shall evolve is 0, so that its decay has no ratio."""
    for name in population.ranges():
        if getattr(decay_of(base, name)[0], name) <= 0:
            raise ValueError(f"{name}: must be above 0 to evolve, as its decay is kept in proportion")


def decay(base: PainterSettings, name: str, progress: float, updates: int) -> float:
    """The factor of a value's decay at this point of a run.

    Deliberately a second implementation of the learners' schedules, so that the check after an exploit is independent
    of them.

    Args:
        base: settings that all members share.
        name: of the evolved setting.
        progress: share of the run that is over, in [0, 1].
        updates: policy updates so far; the warm-up counts them.
    """
    factor = 1.0
    part, final = decay_of(base, name)
    if final:
        factor += (getattr(part, final) / getattr(part, name) - 1.0) * progress
    if name == "policy_learning_rate" and updates < base.policy.policy_warmup_updates:
        factor *= (updates + 1) / base.policy.policy_warmup_updates
    return factor


def decay_of(base: PainterSettings, name: str) -> tuple[Any, str]:
    """The part of the settings that holds an evolved one, and the setting at which its decay ends (empty: none)."""
    part, final = EVOLVING[name]
    return getattr(base, part), final
