"""Figures and the options of all benchmarks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from envs.ranges import Count, Natural, NotNegative, Positive, check_ranges

Figure = dict[str, Any]
"""One measurement: `{"figure": name, "value": number, "unit": unit, "detail": {...}}`."""


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
        data_dir: Folder with data sets that are there already (torchvision's layout), for `train` and `peers`.
        device: Of `gpu` and `learners`, and of the learners of `train` and `scale`: the GPU if there is one, or the CPU
            in any case.
        minutes: Of all that `gpu` does; what the measurements leave of them is trained. Usual: 8, on one GPU and 16
            cores.
        peers_dir: Folder of the virtual environments that `peers` makes for other libraries; by default in ~/.cache.
        quick: Make everything tiny, to see that it runs; the figures mean nothing.
    """

    repeats: Count = 5
    repeat_seconds: Positive = 1.0
    seconds: Positive = 60.0
    warmup_seconds: NotNegative = 20.0
    preset: Literal["laptop", "paper"] | None = None
    actors: Natural = 0
    data_dir: str = ""
    device: Literal["auto", "cuda", "cpu"] = "auto"
    minutes: Positive = 8.0
    peers_dir: str = ""
    quick: bool = False

    def __post_init__(self) -> None:
        check_ranges(self)
