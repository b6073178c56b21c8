"""How fast strokes are painted: 64x64 in colour, every action a stroke, pictures of all canvases after each."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator

import numpy as np
from pymypaint import BatchPainter

from cluster.bench import BenchOptions, Figure
from cluster.bench.measure import cpu_rates, figure, median_ratio, spread
from envs.paint import PaintConfig, StrokeDecoder, Strokes

BRUSHES = ("classic/dry_brush", "deevad/2B_pencil", "classic/pen")


def random_episode(canvases: int, seed: int = 0) -> list[Strokes]:
    """The strokes of one episode of the paper's world, 19 on each of ``canvases``, all of them painting."""
    config = PaintConfig()
    decode = StrokeDecoder(config)
    rng = np.random.default_rng(seed)
    actions = rng.integers(decode.spec.sizes, size=(config.num_actions, canvases, len(decode.spec.components)))
    actions[..., decode.spec.flag] = 1
    return [decode(action) for action in actions]


def episode_painter(brush: str, canvases: int, threads: int = 1) -> Callable[[], int]:
    """A function that paints one whole episode, reset included, and returns the number of strokes."""
    painter = BatchPainter(canvases, brush, height=64, width=64, threads=threads)
    observation = np.empty((canvases, 64, 64, 3), np.uint8)
    episode = random_episode(canvases)

    def paint() -> int:
        painter.reset(observation)
        for strokes in episode:
            painter.stroke(
                strokes.end,
                strokes.control,
                strokes.pressure,
                strokes.log_radius,
                strokes.color,
                strokes.paint,
                observation,
            )
        return canvases * len(episode)

    return paint


def bench(options: BenchOptions) -> Iterator[Figure]:
    """Strokes per CPU-second of three brushes on one thread; then what a second thread gains in wall time."""
    canvases = 8 if options.quick else 64
    works = {brush: episode_painter(brush, canvases) for brush in BRUSHES}
    detail = {"canvas": [64, 64, 3], "canvases": canvases, "painting": "every action", "observation": "every action"}
    for brush, rates in cpu_rates(works, options).items():
        yield figure(f"canvas {brush}", statistics.median(rates), "strokes/CPU-s", **detail, **spread(rates))
    for brush in BRUSHES:
        yield two_threads(brush, canvases, options)


def two_threads(brush: str, canvases: int, options: BenchOptions) -> Figure:
    """Wall time of an episode on one thread over that on two, measured in turns."""
    works = [episode_painter(brush, canvases, threads) for threads in (1, 2)]
    speeds: tuple[list[float], list[float]] = ([], [])
    for turn in range((1 if options.quick else 2 * options.repeats) + 1):
        for work, values in zip(works, speeds, strict=True):
            start = time.perf_counter()
            strokes = work()
            if turn:  # the first one warms up
                values.append(strokes / (time.perf_counter() - start))
    rates = {"one_thread": statistics.median(speeds[0]), "two_threads": statistics.median(speeds[1])}
    return figure(
        f"canvas {brush}, two threads against one",
        median_ratio(speeds[1], speeds[0]),
        "times",
        canvases=canvases,
        repeats=len(speeds[0]),
        unit_of_rates="strokes/s of wall time",
        **{name: round(rate) for name, rate in rates.items()},
    )
