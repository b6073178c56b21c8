"""Sampled records as batches; relabeled ones have the task, the observation and the reward of what they solved."""

from __future__ import annotations

import numpy as np
import pytest

from learners.hindsight import Rules, learner_columns
from learners.transitions import TransitionLayout
from tests.helpers.bandit_world import TurnWorld

PLAIN = TransitionLayout.plain(5, 2)
TOLD = TransitionLayout(
    (*(c for c in PLAIN.columns if c[0] != "next_observation"), ("features", "<f4", (2,)), ("source", "<f4", (2,)),
     ("task", "<i8", ()))
)  # fmt: skip


def records(count: int) -> np.ndarray:
    """Transitions of a policy that ignores its task."""
    world = TurnWorld(count)
    observation, _ = world.reset(seed=0)
    action = np.random.default_rng(1).uniform(-1, 1, (count, 2)).astype(np.float32)
    _, reward, terminated, _, info = world.step(action)
    found = np.zeros(count, TOLD.dtype)
    values = {"observation": observation, "action": action, "reward": reward, "discount": 1.0 - terminated}
    for name, value in (values | {name: info[name] for name in ("features", "source", "task")}).items():
        found[name] = value
    return found


def test_without_rules_columns_are_the_records() -> None:
    found = np.zeros(4, PLAIN.dtype)
    found["reward"] = [1, 2, 3, 4]
    columns = learner_columns(found, None, 1.0, np.random.default_rng(0))
    assert set(columns) == {"observation", "action", "reward", "discount", "next_observation"}
    np.testing.assert_array_equal(columns["reward"], [1, 2, 3, 4])


def test_everything_relabeled_is_told_and_scored_as_the_world_would() -> None:
    found, world = records(200), TurnWorld()
    assert isinstance(world, Rules)
    columns = learner_columns(found, world, 1.0, np.random.default_rng(0))
    task = columns["observation"][:, 2:].argmax(1)
    best = world.relabel(found["features"], found["source"], found["task"], None)
    np.testing.assert_array_equal(task, best)
    assert (task != found["task"]).mean() > 0.5
    np.testing.assert_allclose(columns["reward"], world.score(found["features"], found["source"], task), atol=1e-6)
    assert columns["reward"].mean() > found["reward"].mean() + 0.3
    np.testing.assert_array_equal(columns["observation"][:, :2], found["observation"][:, :2])
    np.testing.assert_array_equal(columns["action"], found["action"])
    assert columns["next_observation"] is columns["observation"], "episodes of one step have nothing that follows"


@pytest.mark.parametrize("share", [0.0, 0.5])
def test_the_share_is_kept_and_the_rest_untouched(share: float) -> None:
    found, world = records(4000), TurnWorld()
    columns = learner_columns(found, world, share, np.random.default_rng(0))
    best = world.relabel(found["features"], found["source"], found["task"], None)
    could = best != found["task"]
    changed = columns["observation"][:, 2:].argmax(1) != found["task"]
    assert changed[could].mean() == pytest.approx(share, abs=0.05)
    assert not changed[~could].any()
    np.testing.assert_array_equal(columns["reward"][~changed], found["reward"][~changed])
    found["reward"] += 1
    assert not np.array_equal(columns["reward"], found["reward"]), "the batch is the learner's own copy"
