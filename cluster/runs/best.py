"""The one rule for the best of a run: training scores checkpoints by it, `--best` and the dashboard pick by it.

The best checkpoint is the one of the highest score, the newest of equals (`checkpoints.best`); a checkpoint is scored
by the look at samples that was taken at its update.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

#: Measures of a look, most telling first, and whether more is better: a held-out reward; the distance to targets; the
#: distance to the data set.
MEASURES = {"sample/score": True, "sample/l2": False, "sample/pixel_frechet": False}


def scored_by(look: Mapping[str, Any]) -> str | None:
    """The metric that a look at samples is scored by: the first of `MEASURES` that it has; None if it has none."""
    return next((name for name in MEASURES if isinstance(look.get(name), int | float)), None)


def score(look: Mapping[str, Any]) -> float | None:
    """The score of a look at samples, higher is better; None if nothing was measured."""
    name = scored_by(look)
    return None if name is None else float(look[name] if MEASURES[name] else -look[name])
