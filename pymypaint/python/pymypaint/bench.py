"""Strokes per second: `python -m pymypaint.bench` prints one JSON line per figure.

Every action paints: random end and control points on a 32x32 grid, the published environment's ten pressures and twenty
levels of color, radii 1 to 24 px; 64x64 color canvases; the observation is written at every step. CPU time, so that
other programs on the machine disturb little; medians of several repeats, with the extremes beside them.
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pymypaint import BatchPainter, _core

BRUSHES = ("classic/dry_brush", "deevad/2B_pencil", "classic/pen")
STEPS = 19  # the published environment's episode


def random_strokes(random: np.random.Generator, canvases: int) -> dict[str, NDArray[Any]]:
    levels = np.linspace(0.0, 1.0, 20)
    return {
        "end": 2.0 * random.integers(0, 32, (canvases, 2)),
        "control": 2.0 * random.integers(0, 32, (canvases, 2)),
        "pressure": np.linspace(0.1, 1.0, 10)[random.integers(0, 10, canvases)],
        "log_radius": np.log([1.0, 2.0, 4.0, 8.0, 12.0, 24.0])[random.integers(0, 6, canvases)],
        "color": levels[random.integers(0, 20, (canvases, 3))],
        "paint": np.ones(canvases, bool),
    }


def episode_rates(brush: str, canvases: int, repeats: int, threads: int, clock: Callable[[], float]) -> list[float]:
    """Strokes per second of `clock` in each of `repeats` episodes, all with the same strokes."""
    random = np.random.default_rng(0)
    strokes = [random_strokes(random, canvases) for _ in range(STEPS)]
    observation = np.empty((canvases, 64, 64, 3), np.uint8)
    rates = []
    with BatchPainter(canvases, brush, threads=threads) as painter:
        for repeat in range(repeats + 1):
            painter.reset(observation)
            start = clock()
            for stroke in strokes:
                painter.stroke(**stroke, observation=observation)
            if repeat > 0:  # the first one warms the caches
                rates.append(canvases * STEPS / (clock() - start))
    return rates


def figures(name: str, rates: list[float]) -> dict[str, Any]:
    return {name: round(statistics.median(rates)), "lowest": round(min(rates)), "highest": round(max(rates))}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m pymypaint.bench", description=__doc__)
    parser.add_argument("--brushes", nargs="+", default=BRUSHES, metavar="BRUSH", help="names or .myb files")
    parser.add_argument("--canvases", type=int, default=64, help="canvases painted per call")
    parser.add_argument("--repeats", type=int, default=9, help="episodes per figure")
    parser.add_argument("--threads", type=int, default=2, help="threads of the scaling figure; 1 leaves it out")
    options = parser.parse_args()
    common = {"canvases": options.canvases, "repeats": options.repeats, "kernels": _core.kernels()}
    for brush in options.brushes:
        rates = episode_rates(brush, options.canvases, options.repeats, 1, time.process_time)
        print(json.dumps({"brush": brush, **figures("strokes_per_cpu_second", rates), **common}), flush=True)
    if options.threads > 1:
        for brush in options.brushes:
            # One after the other, so that a change in the machine's load falls on both.
            ratios = []
            for _ in range(options.repeats):
                one, many = (
                    episode_rates(brush, options.canvases, 1, threads, time.perf_counter)[0]
                    for threads in (1, options.threads)
                )
                ratios.append(many / one)
            scaling = {"wall_speedup": round(statistics.median(ratios), 2), "highest": round(max(ratios), 2)}
            print(json.dumps({"brush": brush, "threads": options.threads, **scaling, **common}), flush=True)


if __name__ == "__main__":
    main()
