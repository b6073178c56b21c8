"""Accuracy of a scene that an agent made: its objects against those of the target.

The objects of both scenes are known, so pictures play no part. Objects are paired so that the sum of the distances of
their places on the floor is smallest; objects left over on either side have no partner. Then

- the **count** of a scene is right if both have the same number of objects;
- the **color** of a pair is right if all three channels have the same level (of four), *near* if each is at most one
  level away;
- its **type** and **size** are right if they are equal, its **place** if it is at most one cell off in x and in y;
- **count and color** of a scene are right if its count is, and the color of every pair.

An object that the agent made and that can not be seen, because it is hidden behind another, counts like any other.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from envs.scenes.config import SceneConfig

QUESTIONS = ("color", "color_near", "type", "size", "place")
"""Questions about a pair of objects."""


def match(target: NDArray[Any], made: NDArray[Any], config: SceneConfig) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Pair objects, integers [n, 6] and [m, 6], by the smallest sum of distances.

    Returns:
        Rows of `target` and rows of `made`, min(n, m) each.
    """
    there, here = config.places[target[:, 1]], config.places[made[:, 1]]
    rows, columns = linear_sum_assignment(np.linalg.norm(there[:, None] - here[None], axis=-1))
    return rows, columns


def compare(target: NDArray[Any], made: NDArray[Any], config: SceneConfig) -> NDArray[np.bool_]:
    """Answers to `QUESTIONS` for each object of `target` [n, 6]: bool [n, 5], all false without a partner."""
    answers = np.zeros((len(target), len(QUESTIONS)), bool)
    rows, columns = match(target, made, config)
    here, there = np.asarray(made, np.int64)[columns], np.asarray(target, np.int64)[rows]
    off = np.abs(here - there)
    cells = np.abs(np.subtract(np.divmod(here[:, 1], config.scene_grid), np.divmod(there[:, 1], config.scene_grid)))
    answers[rows] = np.stack(
        [(off[:, 3:] == 0).all(1), (off[:, 3:] <= 1).all(1), off[:, 0] == 0, off[:, 2] == 0, (cells <= 1).all(0)], 1
    )
    return answers


def accuracy(
    targets: NDArray[Any],
    target_counts: NDArray[Any],
    made: NDArray[Any],
    made_counts: NDArray[Any],
    config: SceneConfig,
) -> dict[str, float]:
    """Share of right answers over N scenes, in [0, 1], by question.

    Args:
        targets: integers [N, M, 6], attributes of the targets' objects; rows from the counts on mean nothing.
        target_counts: integers [N], the number of objects of each target.
        made: integers [N, L, 6], attributes of the objects that the agent made.
        made_counts: integers [N], their number in each scene.
        config: settings of the world that both belong to.

    Returns:
        Of scenes: `count`, `count_and_color` (the number to publish), `count_and_color_near`, `everything` (the
        count, and color, type, size and place of every object). Of the targets' objects, those without a partner being
        wrong: `object_color`, `object_color_near`, `object_type`, `object_size`, `object_place`. And
        `mean_objects`, made in a scene.
    """
    answers = [
        compare(target[:n], other[:m], config)
        for target, n, other, m in zip(targets, target_counts, made, made_counts, strict=True)
    ]
    right = np.asarray(made_counts) == np.asarray(target_counts)

    def of_scenes(*names: str) -> float:
        columns = [QUESTIONS.index(name) for name in names]
        return float(np.mean([same and scene[:, columns].all() for same, scene in zip(right, answers, strict=True)]))

    objects = np.concatenate(answers).mean(0)
    return {
        "count": float(right.mean()),
        "count_and_color": of_scenes("color"),
        "count_and_color_near": of_scenes("color_near"),
        "everything": of_scenes("color", "type", "size", "place"),
        **{f"object_{name}": float(share) for name, share in zip(QUESTIONS, objects, strict=True)},
        "mean_objects": float(np.mean(made_counts)),
    }
