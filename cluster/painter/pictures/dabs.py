"""A painting as SVG with every dab that the brush made."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cluster.errors import UserError
from cluster.painter.pictures.strokes_file import Painting
from envs.data_files import write_atomically
from envs.large_canvas import LargeCanvas, hex_color

AT_ONCE = 200
"""Strokes whose dabs are held in memory."""
HARDEST = 0.99
"""From this hardness on a dab is a plain disc."""


def gradient(name: str, color: str, hardness: float) -> str:
    """SVG's gradient of a dab.

    libmypaint's opacity is 1 in the middle, `hardness` where the square of the distance is that share of the radius's,
    and 0 at the edge; in between it is linear in the square of the distance, for which SVG needs several stops.

    >>> gradient("a", "#ff0000", 0.5).count("<stop")
    9
    """
    squares = np.concatenate([np.linspace(0, hardness, 5), np.linspace(hardness, 1, 5)[1:]])
    shades = np.interp(squares, [0, hardness, 1], [1, hardness, 0])
    stops = "".join(
        f'<stop offset="{distance:.3f}" stop-color="{color}" stop-opacity="{shade:.3f}"/>'
        for distance, shade in zip(np.sqrt(squares), shades, strict=True)
    )
    return f'<radialGradient id="{name}">{stops}</radialGradient>'


def ellipse(dab: NDArray[np.float32]) -> str:
    """One dab, without its color."""
    x, y, radius, _, ratio, angle, opacity = dab[:7].tolist()
    shape = f'cx="{x:.2f}" cy="{y:.2f}" fill-opacity="{opacity:.3f}"'
    if ratio <= 1.001:
        return f'<circle r="{radius:.2f}" {shape}/>'
    turn = f'transform="rotate({angle:.1f} {x:.2f} {y:.2f})"'
    return f'<ellipse rx="{radius:.2f}" ry="{radius / ratio:.2f}" {shape} {turn}/>'


def looks(dabs: NDArray[np.float32]) -> list[tuple[str, float]]:
    """Color on white paper, `#rrggbb`, and hardness of each dab; an eraser paints white."""
    alpha = dabs[:, 10:11]
    colors = alpha * dabs[:, 7:10] + (1 - alpha)
    hardness = dabs[:, 3].clip(0.01, 1).round(2)
    return [(hex_color(color), float(hard)) for color, hard in zip(colors.astype(np.float64), hardness, strict=True)]


def write_svg_dabs(painting: Painting, pixels: NDArray[np.uint8], path: Path) -> None:
    """Write a circle or an ellipse for each dab; some hundred bytes each, and a stroke has some dozens.

    Raises:
        UserError: The brush changes what is there in ways that SVG has no words for (lock_alpha, colorize); nothing is
            written.
    """
    with closing(painting.canvas()) as canvas:
        canvas.painter.record_dabs(True)
        write_atomically(path, "".join(pieces(painting, canvas)))


def pieces(painting: Painting, canvas: LargeCanvas) -> Iterator[str]:
    """Text of the SVG, piece by piece, of strokes that are painted meanwhile."""
    known: dict[tuple[str, float], str] = {}
    present: tuple[str, float] | None = None
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {painting.width} {painting.height}" '
        f'width="{painting.width}" height="{painting.height}">\n'
        '<rect width="100%" height="100%" fill="#fff"/>\n<g>\n'
    )
    for first in range(0, len(painting.strokes), AT_ONCE):
        canvas.paint(painting.strokes[first : first + AT_ONCE])
        dabs = canvas.painter.take_dabs(0)
        if (dabs[:, 11:] > 0).any():
            raise UserError(
                f"--svg dabs: the brush {painting.brush} changes colors that are there, which SVG can not say; "
                "leave it at --svg strokes"
            )
        for dab, look in zip(dabs, looks(dabs), strict=True):
            if look != present:
                present = look
                color, hardness = look
                fill = color
                if hardness < HARDEST:
                    if look not in known:
                        known[look] = f"d{len(known)}"
                        yield gradient(known[look], color, hardness)
                    fill = f"url(#{known[look]})"
                yield f'</g><g fill="{fill}">\n'
            yield ellipse(dab) + "\n"
    yield "</g>\n</svg>\n"
