"""One large canvas, painted stroke by stroke, and a record of all its strokes."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pymypaint import BatchPainter

LARGEST = 4096
"""Pixels of the longest side that the painter can hold."""


def hex_color(color: NDArray[np.floating[Any]]) -> str:
    """Write a color of red, green and blue, 0 to 1, as `#rrggbb`.

    >>> hex_color(np.array([1.0, 0.5, 0.0]))
    '#ff8000'
    """
    return "#" + "".join(f"{round(255 * float(shade)):02x}" for shade in color)


@dataclass
class StrokeList:
    """S strokes with starts of their own.

    Attributes:
        start, control, end: float64 [S, 2], (y, x) in pixels of the canvas.
        radius: float64 [S], in pixels.
        color: float64 [S, 3], red, green and blue, 0 to 1.
        pressure: float64 [S], 0 to 1.
        stage: int64 [S], how far the picture was enlarged when the stroke was searched; 0 is the whole picture.
        gain: float64 [S], squared error that the stroke took off where it was searched, summed over that view's pixels
            and channels (of 0 to 1), in pixels of the canvas.
        window: float64 [S, 3], (y, x) of the upper left corner and the side, in pixels of the canvas, of the square in
            which the stroke was searched; NaN where nobody knows.
    """

    start: NDArray[np.float64]
    control: NDArray[np.float64]
    end: NDArray[np.float64]
    radius: NDArray[np.float64]
    color: NDArray[np.float64]
    pressure: NDArray[np.float64]
    stage: NDArray[np.int64]
    gain: NDArray[np.float64]
    window: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.radius)

    @classmethod
    def join(cls, parts: list[StrokeList]) -> StrokeList:
        """One after the other, as one."""
        if not parts:
            points, numbers = np.zeros((0, 2)), np.zeros(0)
            stages, windows = np.zeros(0, np.int64), np.zeros((0, 3))
            return cls(points, points, points, numbers, np.zeros((0, 3)), numbers, stages, numbers, windows)
        return cls(*(np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(cls)))

    def __getitem__(self, rows: slice | NDArray[np.int64] | NDArray[np.bool_]) -> StrokeList:
        """These strokes."""
        return StrokeList(*(getattr(self, field.name)[rows] for field in fields(self)))

    def scaled(self, factor: float) -> StrokeList:
        """The same on a canvas `factor` times as large."""
        places = {name: getattr(self, name) * factor for name in ("start", "control", "end", "radius", "window")}
        return replace(self, gain=self.gain * factor**2, **places)


class LargeCanvas:
    """A white canvas of any size up to 4096 pixels.

    The same strokes give the same pixels again.
    """

    def __init__(
        self,
        height: int,
        width: int,
        brush: str,
        *,
        scale: float = 1.0,
        transparent: bool = False,
        fresh_strokes: bool = True,
    ) -> None:
        """Prepare the canvas.

        Args:
            height: in pixels.
            width: in pixels.
            brush: name or path of a brush.
            scale: the strokes are those of a canvas this many times smaller, see `BatchPainter`.
            transparent: a canvas without paper in place of a white one.
            fresh_strokes: each stroke is painted by a fresh brush, see `BatchPainter`; if not, by one brush that lives
                as long as the canvas.

        Raises:
            ValueError: there is no such brush, or the size is out of range.
        """
        if not 1 <= min(height, width) <= max(height, width) <= LARGEST:
            raise ValueError(f"size: expected sides of 1 to {LARGEST} pixels, got {width}x{height}")
        self.height, self.width = height, width
        self.painter = BatchPainter(1, brush, height=height, width=width, scale=scale, fresh_strokes=fresh_strokes)
        self.painter.reset()
        if transparent:
            self.painter.load(np.zeros((1, height, width, 4), np.uint16))
        self.strokes: list[StrokeList] = []

    def __len__(self) -> int:
        return sum(map(len, self.strokes))

    def paint(self, strokes: StrokeList) -> None:
        """Paint strokes in their order.

        Places beyond the edge are moved onto it, radii bounded to 0.2 to 1000 pixels.
        """
        limit = np.array([self.height, self.width], np.float64)
        start, control, end = (
            np.ascontiguousarray(np.clip(points, 0, limit)) for points in (strokes.start, strokes.control, strokes.end)
        )
        log_radius = np.log(strokes.radius.clip(0.2, 1000))
        color, pressure = strokes.color.clip(0, 1), strokes.pressure
        paints = np.array([True])
        for i in range(len(strokes)):
            one = slice(i, i + 1)
            rest = (pressure[one], log_radius[one], color[one])
            self.painter.stroke(end[one], control[one], *rest, paints, start=start[one])
        self.strokes.append(strokes)

    def all_strokes(self) -> StrokeList:
        """Everything painted so far."""
        return StrokeList.join(self.strokes)

    def pixels(self) -> NDArray[np.uint8]:
        """uint8 [H, W, 3], what is painted."""
        canvas = np.empty((1, self.height, self.width, 3), np.uint8)
        self.painter.observe(canvas)
        return canvas.reshape(self.height, self.width, 3)

    def layer(self) -> NDArray[np.uint8]:
        """uint8 [H, W, 4], what is painted, with straight alpha."""
        values = self.painter.canvas_fix15()[0].astype(np.float32)
        alpha = values[..., 3:]
        color = np.divide(values[..., :3], alpha, out=np.zeros_like(values[..., :3]), where=alpha > 0)
        return np.concatenate([color.clip(0, 1) * 255, alpha * (255 / 2**15)], -1).round().astype(np.uint8)

    def close(self) -> None:
        """Free the canvas."""
        self.painter.close()


def shrink(pixels: NDArray[np.uint8], height: int, width: int) -> NDArray[np.uint8]:
    """uint8 [H, W, 3] to [height, width, 3], averaged over areas; itself if it is of that size."""
    if pixels.shape[:2] == (height, width):
        return pixels
    small: NDArray[np.uint8] = np.asarray(Image.fromarray(pixels).resize((width, height), Image.Resampling.BOX))
    return small
