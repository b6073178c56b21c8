"""Figures and the options of all benchmarks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

Figure = dict[str, Any]
"""One measurement: ``{"figure": name, "value": number, "unit": unit, "detail": {...}}``."""


@dataclass(frozen=True)
class BenchOptions:
    """Options of the benchmarks.

    Attributes:
        repeats: Measurements of each figure; their median is the value. More are steadier and take longer; 3 to 15 are
            usual.
        repeat_seconds: Least CPU-seconds of one measurement of a rate. Longer ones are steadier; 0.5 to 5 are usual.
        seconds: Wall seconds over which `train` measures; 30 to 300 are usual.
        warmup_seconds: Wall seconds that `train` trains before it measures; 10 to 60 are usual.
        preset: `laptop` or `paper`. Without it `actor` and `learners` measure both, `train` the laptop's.
        actors: Ray actors that paint in `train`; 0 takes the preset's. More keep a faster learner fed.
        data_dir: Folder with data sets that are there already (torchvision's layout), for `train`.
        quick: Make everything tiny, to see that it runs; the figures mean nothing.
    """

    repeats: int = 5
    repeat_seconds: float = 1.0
    seconds: float = 60.0
    warmup_seconds: float = 20.0
    preset: Literal["laptop", "paper"] | None = None
    actors: int = 0
    data_dir: str = ""
    quick: bool = False

    def __post_init__(self) -> None:
        if self.repeats < 1:
            raise ValueError(f"repeats: expected at least 1, got {self.repeats}")
        for name in ("repeat_seconds", "seconds"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name}: expected more than 0 seconds, got {getattr(self, name)}")
        for name in ("warmup_seconds", "actors"):
            if not getattr(self, name) >= 0:
                raise ValueError(f"{name}: expected 0 or more, got {getattr(self, name)}")
