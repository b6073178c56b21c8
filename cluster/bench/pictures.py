"""L2 against strokes and CPU-seconds of painting photos: the agent's search, the search alone, and a hill climb."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from actors.hill_climb import Climb, hill_climb
from actors.picture_painter import PicturePainter, PictureSearch
from cluster.bench.measure import figure, rounded, torch_threads
from cluster.bench.options import BenchOptions, Figure
from cluster.painter.pictures.paint import NO_AGENT, load_agent
from envs.paint import PaintConfig
from envs.pictures import TEST_PHOTOS, photo_paths
from learners.search_settings import CLIMB

SIZE = 128
"""Pixels each way; `primitive` takes 256, where a climb of 300 strokes takes minutes of CPU."""
STROKES = (25, 50, 100)
LONGER = (150, 200, 300, 400)
"""Strokes of further paintings by a search, until one is as near as the climb."""
CANDIDATES = 16

Point = tuple[float, float]
"""Mean squared error and CPU-seconds of a painting."""


def bench(options: BenchOptions) -> Iterator[Figure]:
    """Yield errors and CPU-seconds of paintings: of the climb, and of searches until they are as near."""
    photos = photo_paths(TEST_PHOTOS)[: 1 if options.quick else None]
    size, strokes = (64, (4, 8)) if options.quick else (SIZE, STROKES)
    with torch_threads(1):
        for path in photos:
            target = square(path, size)
            climb = climbed(target, strokes[-1], options.quick)
            ends = {"hill climb": {count: climb[count - 1] for count in strokes}}
            patience = 4 if options.quick else Climb().patience
            for agent, climbing in ((NO_AGENT, CLIMB), ("pictures", CLIMB), ("pictures", patience)):
                name = f"agent {agent}, climbing until {climbing} gain nothing"
                ends[name] = searched(target, agent, climbing, strokes, climb[-1][0])
            for name, points in ends.items():
                for count, (error, seconds) in points.items():
                    detail = {"cpu_seconds": rounded(seconds), "pixels": size}
                    yield figure(f"{path.stem}, {name}, {count} strokes", error, "L2", **detail)


def square(path: object, size: int) -> NDArray[np.uint8]:
    """The middle square of a photo, uint8 [size, size, 3]."""
    image = Image.open(str(path)).convert("RGB")
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    cut = image.crop((left, top, left + side, top + side))
    return np.asarray(cut.resize((size, size), Image.Resampling.LANCZOS))


def climbed(target: NDArray[np.uint8], strokes: int, quick: bool) -> list[Point]:
    """A hill climb with the agent's brush, its sizes those of a canvas as large as the picture; a point a stroke."""
    world, _ = load_agent(NO_AGENT)
    climb = Climb(8, 8, 4) if quick else Climb()
    begin = time.process_time()
    climbing = hill_climb(target, enlarged(world, len(target)), strokes, climb)
    return [(error, time.process_time() - begin) for _, error in climbing]


def enlarged(world: PaintConfig, size: int) -> PaintConfig:
    """A world with a larger canvas, and brush sizes from its smallest to the largest enlarged as much."""
    largest = world.brush_sizes[-1] * size / world.canvas_size
    sizes = np.geomspace(world.brush_sizes[0], largest, len(world.brush_sizes))
    return replace(
        world,
        canvas_size=size,
        observation_size=world.observation_size if size % world.observation_size == 0 else size,
        grid=min(181, size),
        brush_sizes=tuple(float(each) for each in sizes),
    )


def searched(
    target: NDArray[np.uint8], agent: str, climbing: int, strokes: tuple[int, ...], error: float
) -> dict[int, Point]:
    """Paintings of as many strokes as the climb, and of more until one has at most this error, by their strokes."""
    found = {count: painted(target, agent, climbing, count) for count in strokes}
    for count in LONGER:
        if count > strokes[-1] >= STROKES[-1] and min(each[0] for each in found.values()) > error:
            found[count] = painted(target, agent, climbing, count)
    return found


def painted(target: NDArray[np.uint8], agent: str, climbing: int, strokes: int) -> Point:
    """A painting as of `impasto paint`, which divides its strokes among its stages."""
    world, policy = load_agent(agent)
    begin = time.process_time()
    painter = PicturePainter(
        target, world, policy, PictureSearch(candidates=CANDIDATES, climb=climbing), strokes=strokes
    )
    *_, last = painter.rounds()
    painter.close()
    return last.error, time.process_time() - begin
