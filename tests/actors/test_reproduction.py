"""Reproduction: a policy alone, a search among its strokes, and a search without it."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import torch

from actors.reproduction import Reproduction, Stage, Way
from envs.paint import PaintConfig
from learners.networks.line import LinePolicy

WORLD = PaintConfig(
    canvas_size=32, observation_size=32, grid=32, episode_length=5, brush="classic/pen", brush_sizes=(1.0, 1.5),
    pressure_levels=1, color=False, strokes="free",
)  # fmt: skip


@pytest.fixture
def painter() -> Reproduction:
    torch.manual_seed(0)
    return Reproduction(WORLD, LinePolicy(WORLD.action_spec, WORLD.canvas_shape), seed=1)


def crosses(count: int = 3) -> np.ndarray:
    target = np.full((count, 32, 32, 1), 255, np.uint8)
    target[:, 14:17, 4:28] = 0
    target[:, 6:26, 15:18] = 0
    return target


def last(stages: Iterator[Stage]) -> Stage:
    return list(stages)[-1]


def error(stage: Stage, target: np.ndarray) -> float:
    return float(np.square(stage.full / 255 - target / 255).mean())


def test_a_search_comes_nearer_the_more_it_tries(painter: Reproduction) -> None:
    target = crosses()
    ways = [Way(False, k, 4) for k in (1, 4, 32)] + [Way(False, 32, 4, variations=16)]
    errors = [error(last(painter.paint(target, way, (4,))), target) for way in ways]
    assert errors[0] > errors[1] > errors[2]
    blank = np.square(1 - target / 255).mean()
    assert errors[3] < 0.5 * blank


def test_a_search_among_the_policys_strokes_is_better_than_the_policy(painter: Reproduction) -> None:
    target = crosses()
    alone, searched = (error(last(painter.paint(target, Way(True, k, 4), (4,))), target) for k in (1, 16))
    assert searched < alone


def test_stages_in_order_and_the_same_each_time(painter: Reproduction) -> None:
    target = crosses()
    way = Way(True, 4, 6)  # longer than an episode
    first, second = (list(painter.paint(target, way, (2, 6))) for _ in range(2))
    assert [stage.strokes for stage in first] == [2, 6]
    assert first[0].seconds <= first[1].seconds
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one.full, other.full)
    assert error(first[1], target) <= error(first[0], target)


def test_batches_hold_all_targets_and_no_more_canvases_than_there_is_room_for(painter: Reproduction) -> None:
    target = np.zeros((40, 1, 1, 1), np.uint8)
    assert [len(batch) for batch in painter.batches(target, Way(False, 255, 4))] == [16, 16, 8]
