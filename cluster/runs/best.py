"""The one rule for the best of a run: training scores checkpoints by it, `--best` and the dashboard pick by it.

The best checkpoint is the one of the highest score, the newest of equals (`checkpoints.best`); a checkpoint is scored
by the evaluation of samples that was made at its update.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

#: Measures of an evaluation, most telling first, and whether more is better: a held-out reward; the distance to
#: targets; the distance to the data set.
MEASURES = {"sample/score": True, "sample/l2": False, "sample/pixel_frechet": False}


def scored_by(evaluation: Mapping[str, Any]) -> str | None:
    """The metric that an evaluation of samples is scored by, the first of `MEASURES`; None if it has none."""
    return next((name for name in MEASURES if isinstance(evaluation.get(name), int | float)), None)


def score(evaluation: Mapping[str, Any]) -> float | None:
    """The score of an evaluation of samples, higher is better; None if nothing was measured."""
    name = scored_by(evaluation)
    return None if name is None else float(evaluation[name] if MEASURES[name] else -evaluation[name])
