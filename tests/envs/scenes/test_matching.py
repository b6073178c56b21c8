"""The measure of understanding, on scenes that were made to have a known one."""

import numpy as np
import pytest
from numpy.typing import NDArray

from envs.scenes.config import SceneConfig
from envs.scenes.matching import accuracy

CONFIG = SceneConfig()
TARGET = np.array([[0, 17, 0, 0, 1, 2], [1, 200, 1, 3, 3, 3], [2, 110, 2, 1, 1, 1]])


def measure(made: NDArray[np.int64]) -> dict[str, float]:
    return accuracy(TARGET[None], np.array([3]), made[None], np.array([len(made)]), CONFIG)


def test_the_same_scene_in_another_order_is_right_in_everything() -> None:
    found = measure(TARGET[[2, 0, 1]])
    assert found.pop("mean_objects") == 3
    assert set(found.values()) == {1.0}


def test_a_missing_object_and_one_too_many() -> None:
    fewer = measure(TARGET[:2])
    assert fewer["count"] == fewer["count_and_color"] == fewer["everything"] == 0
    assert fewer["object_color"] == fewer["object_place"] == pytest.approx(2 / 3)
    more = measure(np.concatenate([TARGET, [[0, 0, 0, 0, 0, 0]]]))
    assert more["count"] == more["count_and_color"] == 0
    assert more["object_color"] == more["object_type"] == 1


@pytest.mark.parametrize(
    ("column", "value", "wrong"),
    [(0, 3, {"object_type"}), (2, 1, {"object_size"}), (1, 19, {"object_place"}), (1, 34, set())],
)
def test_each_attribute_counts_for_its_own_question(column: int, value: int, wrong: set[str]) -> None:
    made = TARGET.copy()
    made[0, column] = value
    found = measure(made)
    assert {name for name, share in found.items() if name.startswith("object") and share < 1} == wrong
    assert found["count_and_color"] == 1
    assert found["everything"] == (0 if wrong else 1)


def test_near_colors() -> None:
    made = TARGET.copy()
    made[1, 4] = 2
    found = measure(made)
    assert found["count"] == 1
    assert (found["count_and_color"], found["count_and_color_near"]) == (0, 1)
    assert (found["object_color"], found["object_color_near"]) == (pytest.approx(2 / 3), 1)
    made[1, 4] = 1
    assert measure(made)["count_and_color_near"] == 0


def test_pairs_are_those_of_the_smallest_total_distance() -> None:
    """Colors exchanged between two places are wrong, though the set of colors is right."""
    made = TARGET.copy()
    made[[0, 1], 1] = made[[1, 0], 1]
    assert measure(made)["object_color"] == pytest.approx(1 / 3)


def test_an_empty_scene() -> None:
    found = measure(np.empty((0, 6), np.int64))
    assert found["mean_objects"] == 0
    assert not any(found.values())
