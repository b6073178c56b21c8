"""A trial of a brush before anything is trained with it: does it mark a white canvas at all?"""

from __future__ import annotations

import numpy as np

from envs.strokes import PaintConfig
from pymypaint import BatchPainter

#: Strokes of each size.
STROKES = 8
#: Change of a value of 255 that nobody sees. Of the 177 brushes of the 1.0 set, 41 leave less than this (they smudge,
#: blend or wet paint), 2 leave just this, and the next leaves 10.
INVISIBLE = 3


def largest_mark(config: PaintConfig) -> int:
    """Largest change of any value of white canvases by black strokes, 0 to 255.

    Strokes of every brush size of the configuration are tried, at its highest pressure.
    """
    random = np.random.default_rng(0)
    count, size = STROKES * len(config.brush_sizes), config.canvas_size
    log_radius = np.repeat(np.log(config.brush_sizes), STROKES)
    pressure = np.full(count, 1.0 if config.pressure_levels > 1 else config.fixed_pressure)
    canvas = np.empty((count, size, size, 1), np.uint8)
    with BatchPainter(
        count, config.brush, height=size, width=size, defaults=config.brush_defaults, threads=config.threads
    ) as painter:
        painter.reset(log_radius=log_radius)
        for paint in (False, True):
            end, control = random.uniform(size / 8, size * 7 / 8, (2, count, 2))
            painter.stroke(
                end, control, pressure, log_radius, np.zeros((count, 3)), np.full(count, paint), observation=canvas
            )
    return 255 - int(canvas.min())


def require_marks(config: PaintConfig) -> None:
    """Refuse a brush that paints nothing, so that no hours are spent on white canvases.

    Raises:
        ValueError: no stroke of it can be seen on a white canvas.
    """
    if largest_mark(config) > INVISIBLE:
        return
    sizes = config.brush_sizes
    radii = f"{min(sizes):g}" if len(sizes) == 1 else f"{min(sizes):g} to {max(sizes):g}"
    pressure = 1.0 if config.pressure_levels > 1 else config.fixed_pressure
    advice = "it may smudge, blend or wet paint that is not there; choose another, such as classic/pen"
    if config.brush_defaults is not None and not config.brush_defaults:
        advice = "its file may leave settings out, which are 0 here: try brush_defaults"
    stroke = f"a radius of {radii} px and a pressure of {pressure:g}"
    raise ValueError(f"brush: {config.brush} paints nothing on white at {stroke}: {advice}")
