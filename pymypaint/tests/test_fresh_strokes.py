"""A fresh brush for each stroke: what it paints depends on the canvas alone, and lies where the stroke lies."""

import numpy as np
import pytest
from numpy.typing import NDArray

from pymypaint import BatchPainter

BRUSHES = ["classic/dry_brush", "classic/pen", "classic/charcoal", "classic/smudge", "classic/knife"]
ENGINES = ["", "libmypaint"]


def stroke(painter: BatchPainter, points: NDArray[np.float64], canvas: NDArray[np.uint8]) -> None:
    """One stroke of start, control and end, float64 [3, 2]."""
    start, control, end = (np.ascontiguousarray(point[None]) for point in points)
    rest = (np.array([0.8]), np.log([2.0]), np.array([[0.2, 0.4, 0.7]]), np.array([True]))
    painter.stroke(end, control, *rest, canvas, start=start)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("brush", BRUSHES)
@pytest.mark.filterwarnings("ignore:brush")
def test_a_stroke_is_the_same_whatever_came_before_and_wherever_it_lies(
    brush: str, engine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYMYPAINT_ENGINE", engine)
    random = np.random.default_rng(0)
    paper = random.integers(0, 256, (1, 64, 64, 3), np.uint8)
    large = np.full((1, 128, 160, 3), 255, np.uint8)
    y, x = 40, 72
    large[:, y : y + 64, x : x + 64] = paper
    with (
        BatchPainter(1, brush, fresh_strokes=True) as here,
        BatchPainter(1, brush, height=128, width=160, fresh_strokes=True) as there,
    ):
        small = paper.copy()
        here.load(small)
        there.load(large)
        stroke(there, random.uniform(0, 128, (3, 2)), large.copy())
        stroke(there, random.uniform(0, 128, (3, 2)), large.copy())
        there.load(large)  # pixels alone: the brush stays as it is
        points = random.uniform(16, 48, (3, 2)).round()
        stroke(here, points, small)
        stroke(there, points + np.array([y, x]), large)
        part = large[:, y : y + 64, x : x + 64]
        assert (part != paper).any()
        # Sums of places are rounded elsewhere; a dab may be a step of color darker for it.
        assert np.abs(part.astype(int) - small).max() <= 2


@pytest.mark.filterwarnings("ignore:brush")
def test_one_brush_for_all_strokes_begins_where_the_last_one_ended() -> None:
    """As in the published environment: a brush with slow tracking is drawn there from its last place."""
    random = np.random.default_rng(1)
    first, second = random.uniform(8, 56, (2, 3, 2))
    found = []
    for fresh in (False, True):
        with BatchPainter(1, "classic/dry_brush", fresh_strokes=fresh) as painter:
            canvases = np.empty((2, 1, 64, 64, 3), np.uint8)
            white = np.full((1, 64, 64, 3), 255, np.uint8)
            for place, before in enumerate((None, first)):
                painter.reset()
                if before is not None:
                    stroke(painter, before, canvases[place])
                    painter.load(white)
                stroke(painter, second, canvases[place])
            found.append((canvases[0] == canvases[1]).all())
    assert found == [False, True]
