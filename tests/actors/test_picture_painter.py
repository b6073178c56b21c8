"""The stages of a large picture share its strokes."""

from __future__ import annotations

import numpy as np
import pytest

from actors.picture_painter import ENOUGH, PicturePainter, PictureSearch
from envs.paint import PaintConfig

WORLD = PaintConfig(
    canvas_size=32, observation_size=32, grid=32, brush="classic/dry_brush", brush_sizes=(2.0, 4.0, 8.0),
    pressure_levels=1, strokes="free",
)  # fmt: skip


@pytest.mark.parametrize("strokes", [1, 25, 41, 100, 400, 5000])
@pytest.mark.parametrize(("height", "width"), [(32, 32), (64, 128), (256, 200)])
def test_budgets_sum_up_and_the_coarse_stages_have_enough_first(strokes: int, height: int, width: int) -> None:
    target = np.zeros((height, width, 3), np.uint8)
    painter = PicturePainter(target, WORLD, None, PictureSearch(windows=1), strokes=strokes)
    budgets = painter.budgets()
    painter.canvas.close()
    painter.trials.close()
    assert len(budgets) == len(painter.factors)
    assert sum(budgets) == strokes
    assert min(budgets) >= 0
    assert budgets[0] >= min(strokes, ENOUGH)
    if strokes <= ENOUGH:
        assert budgets[0] == strokes
    if strokes == 5000:
        assert budgets == sorted(budgets), "of many strokes the finer stages get more"
