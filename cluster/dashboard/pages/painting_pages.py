"""The theatre of a painting of `impasto paint`: its moments, painted again, and where each stroke was searched."""

from __future__ import annotations

import io
import threading
import time
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from cluster.dashboard.readers.library import Entry, Library, NotThere, decode
from cluster.dashboard.readers.paintings import listed, load_painting, picture_of
from cluster.errors import one_line
from cluster.painter.pictures.strokes_file import Painting
from envs.decoding import decode_whole
from envs.large_canvas import LargeCanvas, StrokeList, shrink
from envs.untrusted import open_file

# Moments of a painting, side by side in one picture: browsers on phones show pictures of up to 16 million pixels.
FRAMES, FRAMES_IN_A_ROW, FRAME = 49, 7, 512
# Longer side of the canvas that they are painted on: a painting of this size is painted as it was.
CANVAS = 1024
# Of CPU time for all strokes of a painting, and strokes between two looks at the clock.
SECONDS, STROKES_AT_ONCE = 15.0, 20
# Strokes and windows drawn over a frame; stages that have a color of their own.
DRAWN, STAGES = 150, 8
# Units of the drawing along the canvas's longer side.
UNITS = 1000
THUMBNAIL = 190
# Pictures of frames that are kept in memory, a few MB each; a text says why there is none.
KEPT = 8
_made: dict[tuple[Path, int], bytes | str] = {}
_painting = threading.Lock()


def moments(count: int) -> NDArray[np.int64]:
    """Numbers of strokes after which a frame is shown: early strokes change most, so they follow the square of time."""
    stops: NDArray[np.int64] = np.unique((np.linspace(0, 1, FRAMES) ** 2 * count).round().astype(np.int64))
    return stops


def painting_page(library: Library, entry: Entry, neighbors: list[Entry]) -> dict[str, Any]:
    """The theatre of a painting; `neighbors` are all paintings of its list.

    Raises:
        NotThere: it can not be shown.
    """
    painting = load_painting(library, entry)
    about = listed(entry)
    strokes = painting.strokes
    stops = moments(len(strokes))
    stage = strokes.stage.clip(0, STAGES - 1)
    place = neighbors.index(entry) if entry in neighbors else None
    label, values, heights = error_curve(painting, stops)
    width, height = drawing_size(painting)
    return {
        "title": f"{about.name}, a painting",
        "painting": about,
        "name": about.name,
        "stamp": entry.path.stat().st_mtime_ns,
        "strokes": len(strokes),
        "canvas": (painting.width, painting.height),
        "drawing": (width, height),
        "frame": frame_size(painting),
        "frames": len(stops),
        "agent": str(painting.about.get("agent", ""))[:80],
        "brush": painting.brush if "/" in painting.brush else Path(painting.brush).name,
        "file": library.named(entry.path),
        "curve": label,
        "stages": stage_rows(strokes, stage),
        "windows": bool(len(strokes)) and bool(np.isfinite(strokes.window).all()),
        "previous": neighbors[place - 1] if place else None,
        "next": neighbors[place + 1] if place is not None and place + 1 < len(neighbors) else None,
        "data": {
            "stops": stops.tolist(),
            "columns": min(FRAMES_IN_A_ROW, len(stops)),
            "frame": frame_size(painting),
            "values": values,
            "heights": heights,
            "stages": [[int((stage[:stop] == each).sum()) for each in np.unique(stage)] for stop in stops],
            **overlays(painting, stage, stops),
        },
    }


def drawing_size(painting: Painting) -> tuple[int, int]:
    """Width and height of the drawing over the frames."""
    longer = max(painting.width, painting.height)
    return round(painting.width * UNITS / longer), round(painting.height * UNITS / longer)


def frame_size(painting: Painting) -> tuple[int, int]:
    """Width and height of a frame."""
    longer = max(painting.width, painting.height)
    return max(1, round(painting.width * FRAME / longer)), max(1, round(painting.height * FRAME / longer))


def stage_rows(strokes: StrokeList, stage: NDArray[np.int64]) -> list[dict[str, Any]]:
    """For each stage of the search its color's number, its strokes and the usual side of its windows in pixels."""
    rows = []
    for each in np.unique(stage).tolist():
        sides = strokes.window[stage == each, 2]
        side = float(np.median(sides)) if np.isfinite(sides).all() else None
        rows.append({"stage": each, "strokes": len(sides), "side": side, "last": each == STAGES - 1})
    return rows


def error_curve(painting: Painting, stops: NDArray[np.int64]) -> tuple[str, list[float], list[float]]:
    """Look up the error at these moments: a label, values, and their heights in a chart, 0 to 1.

    The measured L2, on a logarithmic scale; of older files what the strokes took off it by the search's account.
    """
    if len(painting.l2):
        label, values = "L2 to the picture", np.interp(stops, painting.l2[:, 0], painting.l2[:, 1])
        heights = np.log(values.clip(1e-9, 1e9))
    else:
        with np.errstate(all="ignore"):
            gains = np.concatenate([[0.0], np.cumsum(painting.strokes.gain)])
            values = gains[stops] / (3.0 * painting.width * painting.height)
        label, heights = "L2 taken off, as searched", values.clip(-1e9, 1e9)
    if not np.isfinite(values).all():
        return "", [], []
    low, high = float(heights.min()), float(heights.max())
    return label, values.tolist(), ((heights - low) / (high - low or 1.0)).round(3).tolist()


def overlays(painting: Painting, stage: NDArray[np.int64], stops: NDArray[np.int64]) -> dict[str, Any]:
    """Of the strokes between each two moments: curves (x, y three times, stage) and windows (x, y, side, stage)."""
    strokes = painting.strokes
    scale = UNITS / max(painting.width, painting.height)
    points = np.concatenate([each[:, ::-1] for each in (strokes.start, strokes.control, strokes.end)], 1)
    squares = strokes.window[:, [1, 0, 2]]
    curves, windows = _units(points * scale, stage), _units(np.nan_to_num(squares, nan=0.0) * scale, stage)
    known = bool(np.isfinite(squares).all())
    drawn: list[list[list[int]]] = [[]]
    searched: list[list[list[int]]] = [[]]
    for start, stop in zip(stops[:-1].tolist(), stops[1:].tolist(), strict=True):
        rows = np.unique(np.linspace(start, stop - 1, min(DRAWN, stop - start)).round().astype(np.int64))
        drawn.append(curves[rows].tolist())
        searched.append(np.unique(windows[start:stop], axis=0)[:DRAWN].tolist() if known else [])
    return {"drawn": drawn, "windows": searched}


def _units(values: NDArray[np.float64], stage: NDArray[np.int64]) -> NDArray[np.int64]:
    """Whole units of the drawing, bounded, and the stage behind them."""
    whole = values.clip(-4 * UNITS, 4 * UNITS).round().astype(np.int64)
    return np.concatenate([whole, stage[:, None]], 1)


def painting_frames(library: Library, entry: Entry) -> bytes:
    """A JPEG of all moments, `FRAMES_IN_A_ROW` side by side. One painting at a time is painted.

    Raises:
        NotThere: it can not be painted, or only in more time than `SECONDS`.
    """
    key = entry.path, entry.path.stat().st_mtime_ns
    painting = load_painting(library, entry)
    with _painting:
        made = _made.pop(key, None) or _frames(painting)
        _made[key] = made  # the newest are last
        while len(_made) > KEPT:
            _made.pop(next(iter(_made)))
    if isinstance(made, str):
        raise NotThere(entry.key, made)
    return made


def _frames(painting: Painting) -> bytes | str:
    """The picture, or why there is none."""
    longer = max(painting.width, painting.height)
    factor = min(max(longer, FRAME), CANVAS) / longer
    height, width = (max(1, round(side * factor)) for side in (painting.height, painting.width))
    frame_width, frame_height = frame_size(painting)
    stops = moments(len(painting.strokes))
    columns = min(FRAMES_IN_A_ROW, len(stops))
    page = np.full((-(-len(stops) // columns) * frame_height, columns * frame_width, 3), 255, np.uint8)
    strokes = painting.strokes.scaled(factor)
    try:
        canvas = LargeCanvas(height, width, painting.brush, scale=factor, fresh_strokes=painting.fresh_strokes)
    except (ValueError, OSError) as error:  # a brush that this machine does not have
        return one_line(error)
    begun, done = time.thread_time(), 0
    for number, stop in enumerate(stops.tolist()):
        while done < stop:
            canvas.paint(strokes[done : min(stop, done + STROKES_AT_ONCE)])
            done = min(stop, done + STROKES_AT_ONCE)
            if time.thread_time() - begun > SECONDS:
                canvas.close()
                return f"it takes more than {SECONDS:g} s to paint again"
        top, left = number // columns * frame_height, number % columns * frame_width
        page[top : top + frame_height, left : left + frame_width] = shrink(canvas.pixels(), frame_height, frame_width)
    canvas.close()
    return _jpeg(Image.fromarray(page))


def painting_thumbnail(library: Library, entry: Entry) -> bytes:
    """A small JPEG of the PNG beside the strokes.

    Raises:
        NotThere: there is none, or it can not be read.
    """
    path = library.check(picture_of(entry))
    try:
        with _painting:
            return _thumbnail(path, path.stat().st_mtime_ns)
    except Exception:  # decoders raise almost anything on a broken file
        raise NotThere(decode(entry.key)) from None


@lru_cache(512)
def _thumbnail(path: Path, stamp: int) -> bytes:
    with open_file(path) as file:
        picture = decode_whole(file, 2 * THUMBNAIL)
    picture.thumbnail((2 * THUMBNAIL, 2 * THUMBNAIL), Image.Resampling.LANCZOS)
    return _jpeg(picture)


def _jpeg(picture: Image.Image) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=88)
    return buffer.getvalue()
