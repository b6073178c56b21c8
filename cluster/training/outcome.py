"""Outcome of a run, and of a look at its policy."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from cluster.runs.checkpoints import Checkpoint


@dataclass
class Outcome:
    """End of a run: ``reason`` is ``finished`` or ``interrupted``."""

    reason: str
    updates: int
    env_steps: int
    seconds: float

    @classmethod
    def interrupted_at(cls, checkpoint: Checkpoint | None) -> Outcome:
        """Return the outcome of a run that was interrupted before it trained: it is as its checkpoint has it."""
        if checkpoint is None:
            return cls("interrupted", 0, 0, 0.0)
        counters = checkpoint.documents["counters"]
        return cls("interrupted", checkpoint.update, counters["trained_steps"], counters["trained_seconds"])


@dataclass
class Evaluation:
    """Measurements of a policy while it trains.

    Attributes:
        score: Higher is better; picks the best checkpoint.
        picture: The contact sheet that was written.
        metrics: Further measurements, by name.
    """

    score: float | None
    picture: Path
    metrics: dict[str, float]
