"""Rate of painted strokes: pymypaint's own benchmark (64x64 in color, every action a stroke and a picture)."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator

from pymypaint.bench import BRUSHES, episode_rates

from cluster.bench.measure import figure, median_ratio, spread
from cluster.bench.options import BenchOptions, Figure


def bench(options: BenchOptions) -> Iterator[Figure]:
    """Yield strokes per CPU-second of three brushes on one thread, then the gain of a second thread in wall time."""
    canvases, repeats = (8, 1) if options.quick else (64, options.repeats)
    common = {"canvas": [64, 64, 3], "canvases": canvases, "strokes": "every action", "pictures": "after every action"}
    for brush in BRUSHES:
        rates = episode_rates(brush, canvases, repeats, 1, time.process_time)
        yield figure(f"canvas {brush}", statistics.median(rates), "strokes/CPU-s", **common, **spread(rates))
    for brush in BRUSHES:
        one, two = [], []
        for _ in range(repeats):  # in turns, so that a change in the machine's load falls on both
            one += episode_rates(brush, canvases, 1, 1, time.perf_counter)
            two += episode_rates(brush, canvases, 1, 2, time.perf_counter)
        detail = common | {
            "clock": "wall",
            "one_thread_strokes_per_s": round(statistics.median(one)),
            "two_threads_strokes_per_s": round(statistics.median(two)),
            "repeats": repeats,
        }
        yield figure(f"canvas {brush}, two threads against one", median_ratio(two, one), "times", **detail)
