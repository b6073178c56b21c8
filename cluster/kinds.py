"""The kinds of run: where each has its settings and its trainer, imported when a run of that kind is at hand."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cluster.run_trainer import RunTrainer
    from cluster.settings import SettingsParts

#: By the name in ``config.json``: module and class of the settings, module and class of the trainer.
KINDS = {
    "painter": ("cluster.settings", "RunSettings", "cluster.trainer", "Trainer"),
    "latent": ("cluster.latent_settings", "LatentSettings", "cluster.latent_trainer", "LatentTrainer"),
}


def settings_class(kind: str) -> type[SettingsParts]:
    """The settings of runs of this kind.

    Raises:
        ValueError: there is no such kind.
    """
    module, name, _, _ = _find(kind)
    found: type[SettingsParts] = getattr(importlib.import_module(module), name)
    return found


def trainer_class(kind: str) -> type[RunTrainer]:
    """The trainer of runs of this kind. ValueError: there is no such kind."""
    _, _, module, name = _find(kind)
    found: type[RunTrainer] = getattr(importlib.import_module(module), name)
    return found


def _find(kind: Any) -> tuple[str, str, str, str]:
    if kind not in KINDS:
        raise ValueError(f"unknown kind of run {kind!r}; valid are {', '.join(KINDS)}")
    return KINDS[kind]
