"""The scene world: what actions do, and that Gymnasium and the painting world's conventions are kept."""

import warnings

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from numpy.typing import NDArray

import envs  # noqa: F401  (registers the environment)
from envs.paint import PaintConfig, PaintVectorEnv
from envs.scenes.config import SceneConfig
from envs.scenes.world import SceneVectorEnv, scenes_made
from envs.spec import ADD, MODIFY, SKIP
from tests.envs.scenes.needs_opengl import draws

RED = (0, 100, 1, 3, 0, 0)
BLUE = (1, 40, 2, 0, 0, 3)


def test_the_published_actions() -> None:
    spec = SceneConfig().action_spec
    assert SceneConfig().num_actions == 20
    sizes = dict(zip(spec.names, spec.sizes.tolist(), strict=True))
    assert sizes == {"flag": 3, "type": 4, "location": 256, "size": 3, "red": 4, "green": 4, "blue": 4}
    order = [spec.names[column] for column in spec.decode_order]
    assert order == ["flag", "location", "type", "size", "red", "green", "blue"]
    assert [component.name for component in spec.components if component.location] == ["location"]


def test_a_skip_uses_no_attribute() -> None:
    spec = SceneConfig().action_spec
    actions = np.zeros((3, 7), np.int64)
    actions[:, 0] = SKIP, ADD, MODIFY
    np.testing.assert_array_equal(spec.mask(actions).sum(1), [1, 7, 7])


def run(*actions: tuple[int, ...]) -> SceneVectorEnv:
    env = SceneVectorEnv(1, SceneConfig(scene_actions=6))
    env.reset()
    for action in actions:
        env.step(np.array([action]))
    return env


def test_add_modify_skip_without_drawing() -> None:
    steps = np.array([[(MODIFY, *RED)], [(ADD, *RED)], [(ADD, *RED)], [(MODIFY, *BLUE)], [(SKIP, *RED)]])
    scenes = scenes_made(steps, SceneConfig())
    assert scenes.counts.tolist() == [2]
    np.testing.assert_array_equal(scenes.objects[0, :2], [RED, BLUE])


@draws
def test_what_is_drawn_is_what_was_made() -> None:
    changed, direct = run((ADD, *RED), (ADD, *RED), (MODIFY, *BLUE), (SKIP, *RED)), run((ADD, *RED), (ADD, *BLUE))
    np.testing.assert_array_equal(changed.canvas, direct.canvas)
    assert (changed.canvas[0] != changed.empty).any()
    nothing = run((MODIFY, *RED), (SKIP, *BLUE))
    np.testing.assert_array_equal(nothing.canvas[0], nothing.empty)


@draws
def test_scenes_are_independent_and_cleared_by_a_reset() -> None:
    rng = np.random.default_rng(0)
    many = SceneVectorEnv(3, SceneConfig(scene_actions=4))
    many.reset()
    actions = rng.integers(0, many.spec_actions.sizes, (4, 3, 7))
    for action in actions:
        observation, rewards, terminated, truncated, _ = many.step(action)
        assert rewards.tolist() == [0, 0, 0]
        assert not truncated.any()
    assert terminated.all()
    for index in range(3):
        alone = run(*map(tuple, actions[:, index]))
        np.testing.assert_array_equal(alone.canvas[0], observation["canvas"][index])
    cleared, _, terminated, _, _ = many.step(actions[0])  # Gymnasium's next-step reset
    assert not terminated.any()
    np.testing.assert_array_equal(cleared["canvas"], np.stack([many.empty] * 3))
    assert cleared["episode_step"].tolist() == [0, 0, 0]


@draws
def test_it_keeps_the_painting_worlds_conventions() -> None:
    scenes, canvases = SceneVectorEnv(2, SceneConfig(scene_actions=3)), PaintVectorEnv(2, PaintConfig(episode_length=4))
    for step in range(5):
        results: list[tuple[object, ...]] = []
        for env in (scenes, canvases):
            if step == 0:
                observation, _ = env.reset()
            else:
                actions: NDArray[np.int64] = np.zeros((2, len(env.spec_actions.components)), np.int64)
                observation, _, terminated, _, _ = env.step(actions)
            assert env.observation_space.contains(observation)
            kept = {name: value.tolist() for name, value in observation.items() if name.startswith("episode")}
            results.append(
                (kept, None if step == 0 else terminated.tolist(), {k: v.dtype for k, v in observation.items()})
            )
        assert results[0] == results[1]
    scenes.close()
    with pytest.raises(RuntimeError, match="closed"):
        scenes.step(np.zeros((2, 7), np.int64))
    canvases.close()


@draws
def test_wrong_actions_are_named() -> None:
    env = SceneVectorEnv(1)
    env.reset()
    with pytest.raises(ValueError, match="location = 256"):
        env.step(np.array([[1, 0, 256, 0, 0, 0, 0]]))
    with pytest.raises(ValueError, match="shape"):
        env.step(np.zeros((1, 8), np.int64))


@draws
@pytest.mark.parametrize("render_mode", [None, "rgb_array"])
def test_gymnasiums_checker_is_content(render_mode: str | None) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        env = gym.make("impasto/Scene-v0", render_mode=render_mode, scene_actions=5)
        check_env(env.unwrapped)
        env.close()
