"""The published environment's interface: names, steps and specs, and pictures equal to its recordings."""

import json
import unittest
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.envs.test_golden import NAMES
from tests.helpers.shared_data import shared_path

dm_env = pytest.importorskip("dm_env", reason="needs dm-env (pip install dm-env)")

from dm_env import test_utils as dm_test_utils  # noqa: E402

from envs.dm import LibMyPaint  # noqa: E402


class TestOfDmEnv(dm_test_utils.EnvironmentTestMixin, unittest.TestCase):
    """`dm_env`'s own conformance tests."""

    def make_object_under_test(self) -> LibMyPaint:
        return LibMyPaint(episode_length=5)

    def make_action_sequence(self) -> Any:
        specs = self.environment.action_spec()
        rng = np.random.default_rng(0)
        for _ in range(20):
            yield {name: int(rng.integers(spec.num_values)) for name, spec in specs.items()}


@pytest.mark.parametrize("name", NAMES)
def test_canvases_equal_the_recordings(name: str) -> None:
    path: Path = shared_path(f"golden/deepmind_libmypaint/{name}.npz")
    with np.load(path) as arrays:
        meta: dict[str, Any] = json.loads(str(arrays["meta"]))
        actions, canvases = arrays["actions"], arrays["canvases"]

    def make() -> LibMyPaint:
        wanted = ("episode_length", "canvas_width", "grid_width", "brush_sizes", "use_color", "use_pressure")
        return LibMyPaint(brush_type=meta["brush"], **{key: meta[key] for key in wanted})

    env = make()
    assert list(env.action_spec()) == meta["action_names"]
    for episode, recorded in zip(actions, canvases, strict=True):
        env = env if meta["mode"] == "history" else make()
        env.reset()
        steps = [env.step(dict(zip(meta["action_names"], action, strict=True))) for action in episode]
        assert steps[-1].last()
        painted = np.stack([step.observation["canvas"] for step in steps[-len(recorded) :]])
        assert painted.dtype == np.float32
        np.testing.assert_array_equal(painted, np.single(recorded) / 255.0)


def test_steps_masks_and_discounts_are_the_published_ones() -> None:
    env = LibMyPaint(episode_length=4, discount=0.9)
    action = {name: 0 for name in env.action_spec()}
    first = env.step(action)  # the first step resets
    assert first.first()
    assert first.observation["episode_step"] == 0
    assert list(first.observation) == ["canvas", "episode_step", "episode_length", "action_mask"]
    seen = [env.step(action | {"flag": flag}) for flag in (0, 1, 1)]
    assert [int(step.observation["episode_step"]) for step in seen] == [2, 3, 4]
    assert [step.discount for step in seen] == [0.9, 0.9, 0.0]
    assert [step.reward for step in seen] == [0.0, 0.0, 0.0]
    masks = [step.observation["action_mask"] for step in seen]
    assert list(masks[0]) == ["control", "end", "flag", "pressure", "size", "red", "green", "blue"]
    assert [name for name, used in masks[0].items() if used] == ["end", "flag"]
    assert all(used == 1.0 for used in masks[1].values())
    again = env.step(action)
    assert again.first()
    assert again.observation["episode_step"] == 4  # the published environment tells the last episode's
    assert (again.observation["canvas"] == 1).all()


def test_unused_components_and_wrong_arguments() -> None:
    env = LibMyPaint(brush_sizes=(2,), use_color=False, use_pressure=False)
    assert list(env.action_spec()) == ["control", "end", "flag"]
    assert env.observation_spec()["canvas"].shape == (64, 64, 1)
    assert env.worlds.config.fixed_pressure == 1.0
    env.reset()
    with pytest.raises(ValueError, match="flag"):
        env.step({"control": 0, "end": 0, "flag": 2})
    for wrong in ({"use_alpha": True}, {"background": "transparent"}):
        with pytest.raises(ValueError, match="use_alpha=False, background='white'"):
            LibMyPaint(**wrong)
