"""Strokes of a painting as JSON, from which it is painted again, at any size.

    {"format": "impasto-strokes", "version": 2, "width": 1024, "height": 683,
     "brush": "classic/dry_brush", "fresh_strokes": true, "agent": "pictures", "seed": 0,
     "l2": [[0, 0.2613], [4, 0.2488], ...],
     "columns": ["start_x", "start_y", "control_x", "control_y", "end_x", "end_y",
                 "radius", "pressure", "color", "stage", "gain", "window_x", "window_y", "window_side"],
     "strokes": [[12.5, 80.25, ...], ...]}

Places and radii are in pixels of a canvas of `width` by `height`, colors `#rrggbb`. A stroke is a quadratic Bezier
curve; `stage` 0 saw the whole picture, later ones enlarged windows of it; `gain` is the squared error that it took off;
the window is the square in which it was searched, by its upper left corner and its side. `l2` tells the mean squared
error to the picture after so many strokes. Version 1 has neither windows nor `l2`. Where they are needed to paint the
same again, `paper` tells width and height of a larger canvas, of which the painting is the upper left part, and `scale`
of how many times smaller a canvas the brush's movements are. With `fresh_strokes` a fresh brush paints each stroke;
without it, as in older files, one brush paints all of them.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cluster.errors import UserError
from envs.data_files import write_atomically
from envs.large_canvas import LARGEST, LargeCanvas, StrokeList, hex_color
from envs.untrusted import LARGEST_DOCUMENT, read_json

FORMAT = "impasto-strokes"
COLUMNS = (
    "start_x", "start_y", "control_x", "control_y", "end_x", "end_y", "radius", "pressure", "color", "stage", "gain",
)  # fmt: skip
WINDOW = ("window_x", "window_y", "window_side")
VERSIONS = {1: COLUMNS, 2: COLUMNS + WINDOW}
"""Columns by version."""
MOST_L2 = 300
"""Measurements that a file holds."""


@dataclass(frozen=True)
class Painting:
    """A painting as its strokes.

    Attributes:
        width: Of the canvas, in pixels.
        height: Likewise.
        brush: Name or path.
        strokes: In their order.
        about: Agent, seed and so on; any JSON values by name.
        l2: float64 [M, 2], strokes so far and the mean squared error to the picture, of pixels in [0, 1].
        paper: Height and width of the canvas that is painted on, of which the painting is the upper left part; None if
            it is all of it.
        scale: See `LargeCanvas`.
        fresh_strokes: Likewise.
    """

    width: int
    height: int
    brush: str
    strokes: StrokeList
    about: dict[str, Any]
    l2: NDArray[np.float64] = field(default_factory=lambda: np.zeros((0, 2)))
    paper: tuple[int, int] | None = None
    scale: float = 1.0
    fresh_strokes: bool = True

    def canvas(self, *, transparent: bool = False) -> LargeCanvas:
        """Prepare the canvas for its strokes."""
        height, width = self.paper or (self.height, self.width)
        return LargeCanvas(
            height,
            width,
            self.brush,
            scale=self.scale,
            transparent=transparent,
            fresh_strokes=self.fresh_strokes,
        )

    def cut(self, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Cut uint8 [h, w, C] of the canvas to the painting's size."""
        return pixels[: self.height, : self.width]

    def save(self, path: Path) -> Path:
        """Write it, the whole file or none; returns `path`.

        Raises:
            UserError: It is larger than what `load` reads.
        """
        strokes = self.strokes
        version = 2 if np.isfinite(strokes.window).all() else 1
        rows = []
        for i in range(len(strokes)):
            points = [round(float(place[axis]), 2) for place in self.places(i) for axis in (1, 0)]
            radius, pressure = round(float(strokes.radius[i]), 3), round(float(strokes.pressure[i]), 3)
            gain = round(float(strokes.gain[i]), 4)
            row = [*points, radius, pressure, hex_color(strokes.color[i]), int(strokes.stage[i]), gain]
            if version == 2:
                row += [round(float(value), 2) for value in strokes.window[i][[1, 0, 2]]]
            rows.append(row)
        head = {"format": FORMAT, "version": version, "width": self.width, "height": self.height, "brush": self.brush}
        if self.paper is not None:
            head["paper"] = [self.paper[1], self.paper[0]]
        if self.scale != 1:
            head["scale"] = self.scale
        if self.fresh_strokes:
            head["fresh_strokes"] = True
        head |= self.about
        if len(self.l2):
            head["l2"] = [[int(count), round(error, 6)] for count, error in self.l2.tolist()]
        head["columns"] = VERSIONS[version]
        body = ",\n".join(json.dumps(row, separators=(",", ":")) for row in rows)
        text = json.dumps(head)[:-1] + ',\n"strokes": [\n' + body + "\n]}\n"
        if len(text) > LARGEST_DOCUMENT:  # json.dumps writes ASCII
            raise UserError(
                f"{path}: {len(strokes)} strokes take {len(text)} bytes, more than the {LARGEST_DOCUMENT} "
                "that are read back: paint with fewer strokes, or leave out the format json"
            )
        write_atomically(path, text)
        return path

    def places(self, row: int) -> tuple[Any, Any, Any]:
        """Start, control point and end of a stroke, (y, x) each."""
        return self.strokes.start[row], self.strokes.control[row], self.strokes.end[row]

    @classmethod
    def load(cls, path: Path, most: int = LARGEST_DOCUMENT) -> Painting:
        """Read back what `save` wrote, of at most `most` bytes.

        Raises:
            UserError: It is not such a file.
        """
        try:
            values = read_json(path, most)
            columns = VERSIONS.get(values["version"])
            if values["format"] != FORMAT or columns is None or tuple(values["columns"]) != columns:
                raise UserError(f"{path}: not strokes of version 1 or 2 that `impasto paint` has written")
            rows = values["strokes"]
            if not all(type(row) is list and len(row) == len(columns) for row in rows):
                raise ValueError(f"a stroke has {len(columns)} values")
            numbers = np.array([[*row[:8], *row[9:]] for row in rows], np.float64).reshape(len(rows), len(columns) - 1)
            l2 = np.array(values.get("l2", [])[:MOST_L2], np.float64).reshape(-1, 2)
            if not np.isfinite(numbers).all() or not np.isfinite(l2).all():
                raise ValueError("its numbers are not all finite")
            if ((numbers[:, 7:9] < 0) | (numbers[:, 7:9] > (1, 99))).any():
                raise ValueError("pressures are 0 to 1, stages 0 to 99")
            unknown = np.full((len(rows), 3), np.nan)
            colors = np.array([[int(row[8][i : i + 2], 16) for i in (1, 3, 5)] for row in rows], np.float64)
            strokes = StrokeList(
                numbers[:, [1, 0]],
                numbers[:, [3, 2]],
                numbers[:, [5, 4]],
                numbers[:, 6],
                colors.reshape(len(rows), 3) / 255,
                numbers[:, 7],
                numbers[:, 8].astype(np.int64),
                numbers[:, 9],
                numbers[:, [11, 10, 12]] if columns != COLUMNS else unknown,
            )
            about = {name: values[name] for name in ("agent", "seed") if name in values}
            scale = float(values.get("scale", 1))
            if not 0 < scale <= 1000:
                raise ValueError("scale is above 0 and at most 1000")
            width, height = int(values["width"]), int(values["height"])
            paper = None
            if "paper" in values:
                paper = int(values["paper"][1]), int(values["paper"][0])
                if not (height <= paper[0] <= LARGEST and width <= paper[1] <= LARGEST):
                    raise ValueError(f"paper is at least as large as the painting, and {LARGEST} pixels at most")
            fresh = values.get("fresh_strokes", False)
            if type(fresh) is not bool:
                raise ValueError("fresh_strokes is true or false")
            return cls(width, height, str(values["brush"]), strokes, about, l2, paper, scale, fresh)
        except OSError as error:
            raise UserError(f"{path}: {error.strerror}" if error.strerror else str(error)) from error
        except (ValueError, KeyError, TypeError, IndexError, OverflowError) as error:
            raise UserError(f"{path}: not strokes that `impasto paint` has written: {error}") from error


def exact(strokes: StrokeList) -> StrokeList:
    """Strokes as a file holds them, rounded: what is painted from them is what is painted from the file."""
    return StrokeList(
        strokes.start.round(2),
        strokes.control.round(2),
        strokes.end.round(2),
        strokes.radius.round(3),
        (strokes.color.clip(0, 1) * 255).round() / 255,
        strokes.pressure.round(3),
        strokes.stage,
        strokes.gain,
        strokes.window.round(2),
    )
