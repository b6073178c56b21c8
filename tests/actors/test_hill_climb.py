"""A hill climb paints nearer with each stroke, and climbing brings more than the random strokes that it starts from."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from actors.hill_climb import Climb, hill_climb
from envs.paint import PaintConfig

WORLD = PaintConfig(
    canvas_size=32, observation_size=32, grid=32, brush="classic/dry_brush", brush_sizes=(2.0, 4.0, 8.0),
    pressure_levels=1, strokes="free",
)  # fmt: skip


def picture() -> np.ndarray:
    target = np.full((32, 32, 3), (200, 180, 60), np.uint8)
    target[8:24, 4:20] = (30, 60, 160)
    return target


def test_errors_fall_and_climbing_helps() -> None:
    climb = [error for _, error in hill_climb(picture(), WORLD, 6, Climb(8, 16, 8))]
    assert all(later <= earlier for earlier, later in pairwise(climb))
    alone = [error for _, error in hill_climb(picture(), WORLD, 6, Climb(8, 0, 8))]
    assert climb[-1] < alone[-1]


def test_a_climb_ends_after_its_patience_and_counts_what_it_tried() -> None:
    ((tried, _),) = hill_climb(picture(), WORLD, 1, Climb(8, 0, 8))
    assert tried == 8
    ((tried, _),) = hill_climb(picture(), WORLD, 1, Climb(8, 8, 4))
    assert tried >= 16
    assert (tried - 8) % 4 == 0
