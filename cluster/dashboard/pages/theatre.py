"""The stroke theatre's text: the effect of each recorded action, in pixels of the canvas."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cluster.painter.settings import PainterSettings
from envs.large_canvas import hex_color
from envs.paint import StrokeDecoder


@dataclass(frozen=True)
class Act:
    """One action.

    Attributes:
        step: from 1.
        paints: whether the brush touched the canvas. If not, the action only placed it, or is a free stroke that was
            left out.
        start, control, end: (x, y) in shares of the canvas, [0, 1).
        pressure: in [0, 1].
        radius: of the brush, in pixels of the training canvas.
        color: `#rrggbb`.
        score: the discriminator's, after it.
        gain: what it added to the score.
    """

    step: int
    paints: bool
    start: tuple[float, float]
    control: tuple[float, float]
    end: tuple[float, float]
    pressure: float
    radius: float
    color: str
    score: float
    gain: float


def acts(settings: PainterSettings, actions: NDArray[np.integer[Any]], scores: NDArray[np.float32]) -> list[Act]:
    """Decode the actions [T, K] of one painting whose scores are [T + 1].

    A chained stroke begins where the last action ended, the first one at the canvas's top left corner, as libmypaint's
    does; a free one has a start of its own.
    """
    decoder = StrokeDecoder(settings.paint)
    strokes = decoder(actions.astype(np.int64))
    size = settings.paint.canvas_size

    def point(points: NDArray[np.float64], step: int) -> tuple[float, float]:
        y, x = points[step] / size
        return float(x), float(y)

    result = []
    place = (0.0, 0.0)
    for step in range(len(actions)):
        end = point(strokes.end, step)
        result.append(
            Act(
                step=step + 1,
                paints=bool(strokes.paint[step]),
                start=place if strokes.start is None else point(strokes.start, step),
                control=point(strokes.control, step),
                end=end,
                pressure=float(strokes.pressure[step]),
                radius=float(np.exp(strokes.log_radius[step])),
                color=hex_color(strokes.color[step]),
                score=float(scores[step + 1]),
                gain=float(scores[step + 1] - scores[step]),
            )
        )
        place = end
    return result
