"""The kinds of run: settings and trainer of each, imported when a run of that kind is at hand."""

from __future__ import annotations

import importlib
from typing import Any

from cluster.runs.settings import RunSettings

#: By the name in `config.json`: module and class of the settings, module and class of the trainer.
KINDS = {
    "painter": ("cluster.painter.settings", "PainterSettings", "cluster.painter.trainer", "PainterTrainer"),
    "latent": ("cluster.latent.settings", "LatentSettings", "cluster.latent.trainer", "LatentTrainer"),
}
#: Kind of the runs whose `config.json` names none.
DEFAULT_KIND = "painter"


def settings_class(kind: str) -> type[RunSettings]:
    """Return the class of the settings of runs of this kind.

    Raises:
        ValueError: There is no such kind.
    """
    module, name, _, _ = _parts(kind)
    chosen: type[RunSettings] = getattr(importlib.import_module(module), name)
    return chosen


def trainer_class(kind: str) -> Any:
    """Return the class of the trainer of runs of this kind, a subclass of `cluster.training.trainer.RunTrainer`.

    Raises:
        ValueError: There is no such kind.
    """
    _, _, module, name = _parts(kind)
    return getattr(importlib.import_module(module), name)


def _parts(kind: Any) -> tuple[str, str, str, str]:
    if kind not in KINDS:
        raise ValueError(f"unknown kind of run {kind!r}; valid are {', '.join(KINDS)}")
    return KINDS[kind]
