"""Strokes per second: `python -m pymypaint.bench` prints one JSON line per figure.

Every action paints: random end and control points on a 32x32 grid, the published environment's ten pressures and twenty
levels of color, radii 1 to 24 px; 64x64 color canvases; the observation is written at every step. CPU time, so that
other programs on the machine disturb little; medians of several repeats, with the extremes beside them.

`--against FOLDER` compares with another build, installed with `pip install --target FOLDER`: processes of the two take
turns, and the ratios of each pair are printed.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pymypaint import BatchPainter, _core

BRUSHES = ("classic/dry_brush", "deevad/2B_pencil", "classic/pen")
RADII = (1.0, 2.0, 4.0, 8.0, 12.0, 24.0)
STEPS = 19  # the published environment's episode


def random_strokes(
    random: np.random.Generator, canvases: int, radii: tuple[float, ...] = RADII, grey: bool = False
) -> dict[str, NDArray[Any]]:
    levels = np.linspace(0.0, 1.0, 20)
    color = levels[random.integers(0, 20, (canvases, 3))]
    return {
        "end": 2.0 * random.integers(0, 32, (canvases, 2)),
        "control": 2.0 * random.integers(0, 32, (canvases, 2)),
        "pressure": np.linspace(0.1, 1.0, 10)[random.integers(0, 10, canvases)],
        "log_radius": np.log(np.array(radii)[random.integers(0, len(radii), canvases)]),
        "color": np.zeros_like(color) if grey else color,
        "paint": np.ones(canvases, bool),
    }


def episode_rates(
    brush: str,
    canvases: int,
    repeats: int,
    threads: int,
    clock: Callable[[], float],
    radii: tuple[float, ...] = RADII,
    grey: bool = False,
) -> list[float]:
    """Strokes per second of `clock` in each of `repeats` episodes, all with the same strokes."""
    random = np.random.default_rng(0)
    strokes = [random_strokes(random, canvases, radii, grey) for _ in range(STEPS)]
    observation = np.empty((canvases, 64, 64, 1 if grey else 3), np.uint8)
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


def figures(name: str, rates: list[float], digits: int | None = None) -> dict[str, Any]:
    return {
        name: round(statistics.median(rates), digits),
        "lowest": round(min(rates), digits),
        "highest": round(max(rates), digits),
    }


def rate_in_process(folder: str | None, brush: str, options: argparse.Namespace) -> float:
    """The median rate of a process of its own that imports pymypaint from `folder`."""
    code = (
        "import runpy, json, sys, time; bench = runpy.run_path(sys.argv[1]); arguments = json.loads(sys.argv[2]);"
        "print(bench['statistics'].median(bench['episode_rates'](*arguments[:4], time.process_time, *arguments[4:])))"
    )
    arguments = [brush, options.canvases, options.repeats, 1, options.radii, options.grey]
    environment = os.environ | ({} if folder is None else {"PYTHONPATH": folder})
    command = [sys.executable, "-c", code, str(Path(__file__).resolve()), json.dumps(arguments)]
    return float(subprocess.run(command, check=True, capture_output=True, env=environment, text=True).stdout)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m pymypaint.bench", description=__doc__)
    parser.add_argument("--brushes", nargs="+", default=BRUSHES, metavar="BRUSH", help="names or .myb files")
    parser.add_argument("--radii", nargs="+", type=float, default=RADII, metavar="PX", help="radii to choose from")
    parser.add_argument("--grey", action="store_true", help="black strokes, grey observations")
    parser.add_argument("--canvases", type=int, default=64, help="canvases painted per call")
    parser.add_argument("--repeats", type=int, default=9, help="episodes per figure")
    parser.add_argument("--threads", type=int, default=2, help="threads of the scaling figure; 1 leaves it out")
    parser.add_argument("--against", metavar="FOLDER", help="another build, to compare with; leaves scaling out")
    parser.add_argument("--pairs", type=int, default=7, help="pairs of processes for --against")
    options = parser.parse_args()
    world = {"radii": list(options.radii), "grey": options.grey}
    common = {**world, "canvases": options.canvases, "repeats": options.repeats, "kernels": _core.kernels()}
    if options.against:
        for brush in options.brushes:
            pairs = [
                (rate_in_process(None, brush, options), rate_in_process(options.against, brush, options))
                for _ in range(options.pairs)
            ]
            medians = {
                "strokes_per_cpu_second": round(statistics.median(ours for ours, _ in pairs)),
                "other_build": round(statistics.median(others for _, others in pairs)),
            }
            ratios = figures("ratio", [ours / others for ours, others in pairs], 3)
            print(json.dumps({"brush": brush, **ratios, **medians, "pairs": options.pairs, **common}), flush=True)
        return
    scene = (tuple(options.radii), options.grey)
    for brush in options.brushes:
        rates = episode_rates(brush, options.canvases, options.repeats, 1, time.process_time, *scene)
        print(json.dumps({"brush": brush, **figures("strokes_per_cpu_second", rates), **common}), flush=True)
    if options.threads > 1:
        for brush in options.brushes:
            # One after the other, so that a change in the machine's load falls on both.
            ratios_of_threads = []
            for _ in range(options.repeats):
                one, many = (
                    episode_rates(brush, options.canvases, 1, threads, time.perf_counter, *scene)[0]
                    for threads in (1, options.threads)
                )
                ratios_of_threads.append(many / one)
            scaling = figures("wall_speedup", ratios_of_threads, 2)
            print(json.dumps({"brush": brush, "threads": options.threads, **scaling, **common}), flush=True)


if __name__ == "__main__":
    main()
