"""Settings that a live algorithm can change, and the values that its learners use now."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping
from typing import Any

from cluster.painter.learners import adopt_settings, live_values
from cluster.painter.settings import PainterSettings
from cluster.training.learner_client import first_result

#: Settings that a population evolves, each with the part of the settings that holds it, and the setting at which its
#: decay ends (empty if it has none).
EVOLVING = {
    "entropy_cost": ("policy", "final_entropy_cost"),
    "policy_learning_rate": ("policy", "policy_final_learning_rate"),
    "discriminator_learning_rate": ("discriminator", ""),
}
#: Settings that a live algorithm can change: its learners read them at each update.
CHANGEABLE = {*EVOLVING, *(final for _, final in EVOLVING.values() if final), "minutes", "steps"}


def can_change(present: PainterSettings, new: PainterSettings) -> bool:
    """Tell whether two settings differ in `CHANGEABLE` ones only."""
    parts = (present.policy, present.discriminator, present.system)
    kept = {
        field.name: getattr(part, field.name)
        for part in parts
        for field in dataclasses.fields(part)
        if field.name in CHANGEABLE
    }
    return new.replace(**kept) == present


def with_settings(config: Any, settings: PainterSettings) -> Any:
    """Copy an algorithm's frozen configuration with other settings."""
    config = config.copy(copy_frozen=False)
    config.settings = settings
    config.freeze()
    return config


def adopt(groups: Mapping[str, Any], settings: PainterSettings, progress: float) -> None:
    """Have learner groups go on under other settings; their optimizers hold the new step sizes on return."""
    for group in groups.values():
        first_result(group, functools.partial(adopt_settings, settings=settings, progress=progress))


def read_live_values(groups: Mapping[str, Any], progress: float) -> dict[str, float]:
    """Read the values that the learners' next updates will use.

    Args:
        groups: Learner groups by name, `policy` and `discriminator`.
        progress: Of the run, in [0, 1].

    Returns:
        `policy_learning_rate`, `entropy_cost`, `discriminator_learning_rate`.
    """
    values: dict[str, float] = {}
    for group in groups.values():
        values |= first_result(group, functools.partial(live_values, progress=progress))
    return values
