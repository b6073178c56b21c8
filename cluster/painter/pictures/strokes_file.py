"""Strokes of a painting as JSON, from which it is painted again, at any size.

    {"format": "impasto-strokes", "version": 1, "width": 1024, "height": 683,
     "brush": "classic/dry_brush", "agent": "pictures", "seed": 0,
     "columns": ["start_x", "start_y", "control_x", "control_y", "end_x", "end_y",
                 "radius", "pressure", "color", "stage", "gain"],
     "strokes": [[12.5, 80.25, ...], ...]}

Places and radii are in pixels of a canvas of `width` by `height`, colors `#rrggbb`. A stroke is a quadratic Bezier
curve; `stage` 0 saw the whole picture, later ones enlarged windows of it; `gain` is the squared error that it took off.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cluster.errors import UserError
from envs.data_files import write_atomically
from envs.large_canvas import StrokeList, hex_color
from envs.untrusted import LARGEST_DOCUMENT, read_json

FORMAT, VERSION = "impasto-strokes", 1
COLUMNS = (
    "start_x", "start_y", "control_x", "control_y", "end_x", "end_y", "radius", "pressure", "color", "stage", "gain",
)  # fmt: skip


@dataclass(frozen=True)
class Painting:
    """A painting as its strokes.

    Attributes:
        width: Of the canvas, in pixels.
        height: Likewise.
        brush: Name or path.
        strokes: In their order.
        about: Agent, seed and so on; any JSON values by name.
    """

    width: int
    height: int
    brush: str
    strokes: StrokeList
    about: dict[str, Any]

    def save(self, path: Path) -> Path:
        """Write it, the whole file or none; returns `path`.

        Raises:
            UserError: It is larger than what `load` reads.
        """
        strokes = self.strokes
        rows = []
        for i in range(len(strokes)):
            points = [round(float(place[axis]), 2) for place in self.places(i) for axis in (1, 0)]
            radius, pressure = round(float(strokes.radius[i]), 3), round(float(strokes.pressure[i]), 3)
            rows.append(
                [
                    *points,
                    radius,
                    pressure,
                    hex_color(strokes.color[i]),
                    int(strokes.stage[i]),
                    round(float(strokes.gain[i]), 4),
                ]
            )
        head = {"format": FORMAT, "version": VERSION, "width": self.width, "height": self.height, "brush": self.brush}
        body = ",\n".join(json.dumps(row, separators=(",", ":")) for row in rows)
        text = json.dumps(head | self.about | {"columns": COLUMNS})[:-1] + ',\n"strokes": [\n' + body + "\n]}\n"
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
    def load(cls, path: Path) -> Painting:
        """Read back what `save` wrote.

        Raises:
            UserError: It is not such a file.
        """
        try:
            values = read_json(path)
            if values["format"] != FORMAT or values["version"] != VERSION or tuple(values["columns"]) != COLUMNS:
                raise UserError(f"{path}: not strokes of version {VERSION} that `impasto paint` has written")
            rows = values["strokes"]
            numbers = np.array([[*row[:8], *row[9:]] for row in rows], np.float64).reshape(len(rows), 10)
            if not np.isfinite(numbers).all():
                raise ValueError("its numbers are not all finite")
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
            )
            about = {name: values[name] for name in ("agent", "seed") if name in values}
            return cls(int(values["width"]), int(values["height"]), str(values["brush"]), strokes, about)
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
    )
