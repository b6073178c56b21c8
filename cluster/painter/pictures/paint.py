"""`impasto paint`: pictures painted stroke by stroke, by an agent's search or the search alone."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from actors.picture_painter import PicturePainter, PictureSearch, mean_squared_error
from cluster.errors import UserError
from cluster.painter.pictures.formats import SvgKind, write
from cluster.painter.pictures.read import read_palette, read_picture
from cluster.painter.pictures.strokes_file import MOST_L2, Painting, exact
from cluster.painter.settings import PainterSettings, preset
from cluster.painter.stored import require_networks
from cluster.runs.stored import last_checkpoint
from cluster.runs.stored_settings import open_to_read, read_settings_as
from cluster.training.cpus import available_cpus
from envs.paint import PaintConfig
from learners.networks.build import build_policy
from learners.networks.policy import PaintPolicy
from pymypaint import find_brush

NO_AGENT = "none"
INTERRUPTED = 130
MOST_THREADS = 32
"""Threads that paint candidates, of which there are some hundred at once."""


@dataclass(frozen=True)
class PaintOptions:
    """Options of painting pictures; see the arguments of `impasto paint`."""

    agent: str
    strokes: int
    k: int
    climb: int
    brush: str
    size: int
    palette: str
    seed: int
    temperature: float
    formats: tuple[str, ...]
    svg: SvgKind = "strokes"


def load_agent(name: str) -> tuple[PaintConfig, PaintPolicy | None]:
    """The world and the policy of an agent that ships, or of a run; `none` has no policy.

    Raises:
        UserError: There is no such agent or run, or it does not paint in color with free strokes.
    """
    if name == NO_AGENT:
        return preset("search", "pictures").paint, None
    folder = open_to_read(name)
    settings = read_settings_as(PainterSettings, folder, "paint")
    world = settings.paint
    if settings.policy.network != "picture" or not world.color or world.canvas_size != world.observation_size:
        raise UserError(
            f"--agent {name}: paints {settings.system.data} in a world of its own, not pictures; take pictures, none, "
            "or a run of the preset search in color"
        )
    checkpoint = last_checkpoint(folder)
    assert checkpoint is not None
    require_networks(settings, checkpoint)
    policy = build_policy(settings.policy, world.action_spec, world.canvas_shape, world.num_actions)
    policy.load_state_dict(checkpoint.tensors["policy"])
    # As the large canvas is, whatever the agent's world was: of no brush's history, and a brush by its file alone.
    return replace(world, history=False, brush_defaults=None), policy.eval()


def paint_pictures(images: list[Path], out: Path, options: PaintOptions, written: list[Path]) -> int:
    """Paint several pictures; one that can not be read is a line on standard error, and the others are painted.

    The files' paths are printed and added to `written`.

    Returns:
        Exit status: 0, 2 if a picture could not be painted, 130 after Ctrl-C, with what was painted written.
    """
    world, policy = load_agent(options.agent)
    world = replace(world, threads=min(MOST_THREADS, available_cpus()))
    if options.brush:
        find_brush(options.brush)
        world = replace(world, brush=options.brush)
    palette = read_palette(options.palette) if options.palette else None
    status = 0
    for path in images:
        try:
            target = read_picture(path, options.size)
        except UserError as error:
            print(f"impasto: {error}", file=sys.stderr)
            status = 2
            continue
        painter = painter_of(target, world, policy, palette, options)
        l2 = [(0, mean_squared_error(painter.canvas.pixels(), painter.target))]
        stopped = paint(painter, path.name, l2)
        painting, pixels = finished(painter, target, world.brush, options, l2)
        try:
            report(write(painting, pixels, out, path.stem, options.formats, options.svg), written)
        except UserError as error:
            print(f"impasto: {error}", file=sys.stderr)
            status = 2
        if stopped:
            return INTERRUPTED
    return status


def painter_of(
    target: NDArray[np.uint8],
    world: PaintConfig,
    policy: PaintPolicy | None,
    palette: NDArray[np.float64] | None,
    options: PaintOptions,
) -> PicturePainter:
    """A painter of a picture uint8 [H, W, 3], which is padded if it is smaller than a window."""
    height, width = target.shape[:2]
    missing = [max(0, world.canvas_size - side) for side in (height, width)]
    padded = np.pad(target, ((0, missing[0]), (0, missing[1]), (0, 0)), mode="edge")
    search = PictureSearch(candidates=options.k, climb=options.climb, temperature=options.temperature)
    return PicturePainter(
        padded, world, policy, search, strokes=options.strokes, seed=options.seed, palette=palette, finish=exact
    )


def paint(painter: PicturePainter, name: str, l2: list[tuple[int, float]]) -> bool:
    """Paint to the end, or until Ctrl-C: then True. What each round ends at, strokes and L2, is added to `l2`."""
    with progress_bar(name, painter.strokes) as show:
        try:
            for progress in painter.rounds():
                show(progress.strokes, progress.error)
                l2.append((progress.strokes, progress.error))
        except KeyboardInterrupt:
            return True
    return False


@contextmanager
def progress_bar(name: str, total: int) -> Iterator[Callable[[int, float], None]]:
    """A function that shows strokes and error: as a bar on a terminal, else as a line every ten seconds."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[shown]}"), TimeElapsedColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task(name, total=total, shown="")
        last = time.monotonic()

        def show(strokes: int, error: float) -> None:
            nonlocal last
            line = f"{strokes} of {total} strokes, L2 {error:.5f}"
            bar.update(task, completed=strokes, shown=line)
            if not console.is_terminal and (strokes >= total or time.monotonic() - last > 10):
                last = time.monotonic()
                print(f"{name}: {line}", file=sys.stderr)

        yield show


def finished(
    painter: PicturePainter,
    target: NDArray[np.uint8],
    brush: str,
    options: PaintOptions,
    l2: list[tuple[int, float]],
) -> tuple[Painting, NDArray[np.uint8]]:
    """The painting and its pixels, at the picture's size."""
    height, width = target.shape[:2]
    strokes = painter.canvas.all_strokes()
    about = {"agent": options.agent, "seed": options.seed}
    kept = np.unique(np.linspace(0, len(l2) - 1, MOST_L2).round().astype(int))
    paper = painter.canvas.height, painter.canvas.width
    padded = None if paper == (height, width) else paper
    painting = Painting(width, height, brush, strokes, about, np.array(l2, np.float64)[kept], padded)
    pixels = painting.cut(painter.canvas.pixels())
    painter.close()
    return painting, pixels


def report(paths: list[Path], written: list[Path]) -> None:
    """Print what was written, and add it to a list."""
    for path in paths:
        print(path)
    written += paths


def paint_again(
    path: Path, out: Path, size: int, formats: tuple[str, ...], written: list[Path], svg: SvgKind = "strokes"
) -> int:
    """Paint the strokes of a file again, the longer side `size` pixels (0: as they were painted).

    The files' paths are printed and added to `written`.
    """
    painting = Painting.load(path)
    factor = size / max(painting.width, painting.height) if size else 1.0
    again = painting
    if factor != 1:
        height, width = (max(1, round(side * factor)) for side in (painting.height, painting.width))
        paper = painting.paper
        if paper is not None:
            paper = max(height, round(paper[0] * factor)), max(width, round(paper[1] * factor))
        again = replace(
            painting,
            height=height,
            width=width,
            strokes=exact(painting.strokes.scaled(factor)),
            l2=np.zeros((0, 2)),  # at another size the error to the picture would be another
            paper=paper,
            scale=painting.scale * factor,
        )
    canvas = again.canvas()
    canvas.paint(again.strokes)
    report(write(again, again.cut(canvas.pixels()), out, path.stem, formats, svg), written)
    canvas.close()
    return 0
