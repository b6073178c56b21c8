"""The kinds of run: where each has its settings and its trainer, imported when a run of that kind is at hand."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cluster.painter.settings import SettingsParts
    from cluster.training.trainer import RunTrainer

#: By the name in ``config.json``: module and class of the settings, module and class of the trainer.
KINDS = {
    "painter": ("cluster.painter.settings", "RunSettings", "cluster.painter.trainer", "Trainer"),
    "latent": ("cluster.latent.settings", "LatentSettings", "cluster.latent.trainer", "LatentTrainer"),
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
