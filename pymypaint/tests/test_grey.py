"""Canvases without color are kept as one plane: whatever comes when, nobody sees it."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from test_painter import SIZE, picture, strokes

from pymypaint import BatchPainter


@pytest.mark.parametrize("brush", ["classic/charcoal", "classic/smudge+paint", "classic/ink_eraser"])
def test_grey_paintings_are_paintings(brush: str) -> None:
    def shades(seed: int, grey: bool) -> dict[str, NDArray[Any]]:
        stroke = strokes(seed, 4)
        if grey:
            stroke["color"] = np.repeat(np.round(stroke["color"][:, :1]), 3, 1)  # black, and white of full value
        return stroke

    with BatchPainter(4, brush) as painter, BatchPainter(4, brush) as colored:
        painter.load(np.full((4, SIZE, SIZE, 1), 255, np.uint8))
        colored.load(np.full((4, SIZE, SIZE, 3), 255, np.uint8))  # three planes from here on
        for seed in range(6):
            stroke = shades(seed, grey=seed < 4)
            pictures_of: list[NDArray[np.uint8]] = [picture(4), picture(4), picture(4, 1), picture(4, 1)]
            painter.stroke(**stroke, observation=pictures_of[0])
            colored.stroke(**stroke, observation=pictures_of[1])
            painter.observe(pictures_of[2])
            colored.observe(pictures_of[3])
            np.testing.assert_array_equal(pictures_of[0], pictures_of[1])
            np.testing.assert_array_equal(pictures_of[2], pictures_of[3])
            np.testing.assert_array_equal(painter.canvas_fix15(), colored.canvas_fix15())
            source = np.array([0, 0, 3, 2])
            painter.copy(source)
            colored.copy(source)
