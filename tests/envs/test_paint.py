"""The vector environment: Gymnasium's contract, determinism, masks, errors."""

from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.wrappers.vector import RecordEpisodeStatistics
from numpy.typing import NDArray

from envs.lockstep import Observation
from envs.paint import PaintConfig, PaintVectorEnv
from tests.envs.worlds import COLOR, GRAY, random_actions


def paint(env: PaintVectorEnv, actions: NDArray[np.int64]) -> NDArray[np.uint8]:
    """Canvases uint8 [T + 1, N, H, W, C] of one episode."""
    canvases = [env.reset()[0]["canvas"]]
    canvases += [env.step(action)[0]["canvas"] for action in actions]
    return np.stack(canvases)


def check_observation(env: PaintVectorEnv, observation: Observation, step: int) -> None:
    assert env.observation_space.contains(observation)
    count, config = env.num_envs, env.config
    assert observation["canvas"].shape == (count, *config.canvas_shape)
    assert observation["canvas"].dtype == np.uint8
    assert observation["action_mask"].shape == (count, len(config.action_spec.components))
    assert observation["action_mask"].dtype == np.int8
    np.testing.assert_array_equal(observation["episode_step"], np.full(count, step))
    np.testing.assert_array_equal(observation["episode_length"], np.full(count, config.episode_length))
    for n in range(count):
        single = {name: value[n] for name, value in observation.items()}
        assert env.single_observation_space.contains(single)


@pytest.mark.parametrize("config", [COLOR, GRAY], ids=["color", "gray"])
def test_reset_and_step_keep_the_contract(config: PaintConfig) -> None:
    env = PaintVectorEnv(3, config)
    assert isinstance(env, gym.vector.VectorEnv)
    assert env.metadata["autoreset_mode"] == gym.vector.AutoresetMode.NEXT_STEP
    observation, info = env.reset(seed=1)
    assert info == {}
    check_observation(env, observation, 0)
    assert (observation["canvas"] == 255).all()
    env.action_space.seed(0)
    for episode in range(2):
        for step in range(1, config.num_actions + 1):
            actions = env.action_space.sample()
            assert env.action_space.contains(actions)
            observation, reward, terminated, truncated, info = env.step(actions)
            check_observation(env, observation, step)
            assert (reward.shape, terminated.shape, truncated.shape) == ((3,), (3,), (3,))
            assert (reward.dtype, terminated.dtype, truncated.dtype) == (np.float64, np.bool_, np.bool_)
            assert not reward.any()
            assert not truncated.any()
            np.testing.assert_array_equal(terminated, np.full(3, step == config.num_actions))
        assert (observation["canvas"] != 255).any()
        if episode == 0:  # the next step resets, and ignores even actions that are out of range
            observation, reward, terminated, truncated, info = env.step(np.full_like(actions, -1))
            check_observation(env, observation, 0)
            assert (observation["canvas"] == 255).all()
            assert not np.stack([reward, terminated, truncated]).any()


def test_a_gymnasium_wrapper_counts_episodes_right() -> None:
    env = RecordEpisodeStatistics(PaintVectorEnv(2, GRAY))
    env.reset()
    lengths = []
    for _ in range(2 * (GRAY.num_actions + 1)):
        info: dict[str, Any] = env.step(env.action_space.sample())[-1]
        if "episode" in info:
            lengths += list(info["episode"]["l"])
    assert lengths == [GRAY.num_actions] * 4


def test_observations_are_the_callers_to_keep() -> None:
    for config in (COLOR, GRAY):
        env = PaintVectorEnv(2, config)
        kept = env.reset()[0]
        copy = {name: value.copy() for name, value in kept.items()}
        for action in random_actions(config, 2):
            env.step(action)
        for name in kept:
            np.testing.assert_array_equal(kept[name], copy[name])


@pytest.mark.parametrize("config", [COLOR, GRAY], ids=["color", "gray"])
def test_a_canvas_does_not_depend_on_its_neighbors(config: PaintConfig) -> None:
    actions = random_actions(config, 5)
    together = paint(PaintVectorEnv(5, config), actions)
    assert (together[-1] != 255).any(axis=(1, 2, 3)).all()
    for n in range(5):
        np.testing.assert_array_equal(paint(PaintVectorEnv(1, config), actions[:, n : n + 1])[:, 0], together[:, n])
    order = [3, 1, 4, 0, 2]
    np.testing.assert_array_equal(paint(PaintVectorEnv(5, config), actions[:, order]), together[:, order])


def test_a_painting_is_a_pure_function_of_its_actions() -> None:
    env = PaintVectorEnv(3, COLOR)
    actions = random_actions(COLOR, 3)
    first = paint(env, actions)
    other = paint(env, random_actions(COLOR, 3, seed=1))
    np.testing.assert_array_equal(paint(env, actions), first)
    assert (other != first).any()
    # in the middle of an episode, too
    env.reset()
    env.step(actions[0])
    np.testing.assert_array_equal(paint(env, actions), first)


def test_history_keeps_the_brush() -> None:
    config = PaintConfig(history=True)
    env = PaintVectorEnv(1, config)
    actions = random_actions(config, 1)
    assert (paint(env, actions) != paint(env, actions)).any()


def test_masks_follow_the_flag() -> None:
    env = PaintVectorEnv(2, COLOR)
    spec = COLOR.action_spec
    only_move = [int(name in ("end", "flag")) for name in spec.names]
    np.testing.assert_array_equal(env.reset()[0]["action_mask"], [only_move] * 2)
    actions = np.zeros((2, len(spec.names)), np.int64)
    actions[1, spec.flag] = 1
    np.testing.assert_array_equal(env.step(actions)[0]["action_mask"], [only_move, [1] * len(spec.names)])
    np.testing.assert_array_equal(env.reset()[0]["action_mask"], [only_move] * 2)


def test_first_is_move_overrides_the_first_flag_only() -> None:
    config = PaintConfig(episode_length=4, first_is_move=True)
    actions = random_actions(config, 3)
    actions[..., config.action_spec.flag] = 1
    kept = actions.copy()
    env = PaintVectorEnv(3, config)
    canvas, moved, painted, _ = paint(env, actions)
    np.testing.assert_array_equal(actions, kept)  # the caller's array is not written to
    np.testing.assert_array_equal(canvas, moved)
    assert (painted != moved).any()
    env.reset()
    mask = env.step(actions[0])[0]["action_mask"]
    np.testing.assert_array_equal(mask, [[int(name in ("end", "flag")) for name in config.action_spec.names]] * 3)
    lifted = actions.copy()
    lifted[0, :, config.action_spec.flag] = 0
    np.testing.assert_array_equal(paint(PaintVectorEnv(3, config), lifted)[-1], paint(env, actions)[-1])


def test_bad_actions_raise_and_change_nothing() -> None:
    env = PaintVectorEnv(2, COLOR)
    before = env.reset()[0]["canvas"]
    good = random_actions(COLOR, 2)[0]
    bad = good.copy()
    bad[1, COLOR.action_spec.names.index("size")] = 6
    for wrong, message in ((bad, r"actions\[1\]: size = 6"), (good[:1], "shape"), (good.astype(float), "integers")):
        with pytest.raises(ValueError, match=message):
            env.step(wrong)
    observation = env.observation()
    np.testing.assert_array_equal(observation["canvas"], before)
    assert observation["episode_step"].tolist() == [0, 0]


@pytest.mark.filterwarnings("error")  # nor may the half-made object complain when it is collected
def test_bad_constructions_raise() -> None:
    with pytest.raises(ValueError, match="num_envs"):
        PaintVectorEnv(0)
    with pytest.raises(ValueError, match="no/such_brush"):
        PaintVectorEnv(1, PaintConfig(brush="no/such_brush"))
    with pytest.raises(ValueError, match="threads"):
        PaintVectorEnv(1, PaintConfig(threads=0))


@pytest.mark.parametrize("began", [False, True])
def test_a_closed_environment_says_so(began: bool) -> None:
    env = PaintVectorEnv(1, GRAY)
    if began:
        env.reset()
    env.close()
    env.close()  # closing twice is harmless
    with pytest.raises(RuntimeError, match="closed"):
        env.step(random_actions(GRAY, 1)[0])
    with pytest.raises(RuntimeError, match="closed"):
        env.reset()


def test_rendering_shows_the_full_canvas() -> None:
    env = PaintVectorEnv(2, GRAY, render_mode="rgb_array")
    env.reset()
    for action in random_actions(GRAY, 2):
        observation = env.step(action)[0]
    pictures = env.render()
    assert len(pictures) == 2
    for picture, seen in zip(pictures, observation["canvas"], strict=True):
        assert (picture.shape, picture.dtype) == ((64, 64, 3), np.uint8)
        average = picture.reshape(32, 2, 32, 2, 3).mean((1, 3))
        np.testing.assert_allclose(average, np.broadcast_to(seen, (32, 32, 3)), atol=0.5)
    assert PaintVectorEnv(1, GRAY).render() is None
