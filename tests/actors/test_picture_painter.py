"""Stages share the strokes of a large picture; what a stroke gains in its window it gains on the large canvas."""

from __future__ import annotations

import numpy as np
import pytest

from actors.picture_painter import ENOUGH, PicturePainter, PictureSearch, mean_squared_error
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


def test_windows_that_are_searched_at_once_do_not_overlap() -> None:
    target = np.zeros((100, 150, 3), np.uint8)
    painter = PicturePainter(target, WORLD, None, PictureSearch(windows=64), strokes=1)
    for _ in range(20):
        corners = painter.windows(np.full_like(target, 255), target)
        assert corners
        covered = np.zeros((100, 150), int)
        for y, x in corners:
            covered[y : y + 32, x : x + 32] += 1
        assert covered.max() == 1
    painter.canvas.close()
    painter.trials.close()


def test_what_strokes_gain_in_their_windows_they_gain_on_the_large_canvas() -> None:
    rng = np.random.default_rng(0)
    target = np.kron(rng.integers(0, 256, (8, 8, 3)), np.ones((8, 8, 1))).astype(np.uint8)
    painter = PicturePainter(target, WORLD, None, PictureSearch(), strokes=200)
    error = mean_squared_error(painter.canvas.pixels(), target)
    gains = {0: [0.0, 0.0], 1: [0.0, 0.0]}
    for progress in painter.rounds():
        gains[progress.stage][0] += painter.canvas.strokes[-1].gain.sum() / target.size
        gains[progress.stage][1] += error - progress.error
        error = progress.error
    searched, found = gains[1]
    assert found > 0.9 * searched  # strokes reach a little beyond their windows
    assert gains[0][1] > 0.8 * gains[0][0]  # which are enlarged twice
    painter.canvas.close()
    painter.trials.close()
