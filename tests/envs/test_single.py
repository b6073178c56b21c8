"""The registered single environment, as Gymnasium's own checker and users see it."""

import copy
import pickle
import warnings
from collections.abc import Callable
from pathlib import Path

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

import envs  # noqa: F401  (registers the environment)
from envs.paint import PaintConfig, PaintVectorEnv
from envs.single import PaintEnv


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"color": False, "observation_size": 32, "brush": "classic/pen"},
        {"reward": "l2", "data": np.random.default_rng(0).integers(0, 256, (9, 64, 64, 3), dtype=np.uint8)},
    ],
    ids=["color", "gray", "l2"],
)
@pytest.mark.parametrize("render_mode", [None, "rgb_array"])
def test_gymnasiums_checker_is_content(settings: dict[str, object], render_mode: str | None) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        env = gym.make("impasto/Paint-v0", render_mode=render_mode, **settings)  # type: ignore[arg-type]
        check_env(env.unwrapped)
        env.close()


def test_it_paints_what_the_vector_environment_paints() -> None:
    env, worlds = gym.make("impasto/Paint-v0", episode_length=5), PaintVectorEnv(1, PaintConfig(episode_length=5))
    single, batch = env.reset(seed=3)[0], worlds.reset()[0]
    env.action_space.seed(0)
    for step in range(1, 5):
        action = env.action_space.sample()
        single, reward, terminated, truncated, _ = env.step(action)
        batch = worlds.step(action[None])[0]
        for name in batch:
            np.testing.assert_array_equal(single[name], batch[name][0])
        assert env.observation_space.contains(single)
        assert (reward, terminated, truncated) == (0.0, step == 4, False)
        assert type(terminated) is bool
    assert (single["canvas"] != 255).any()


def test_the_end_of_an_episode_asks_for_a_reset() -> None:
    env = PaintEnv(episode_length=2)
    action = np.zeros(8, np.int64)
    with pytest.raises(ValueError, match="reset"):
        env.step(action)
    env.reset()
    assert env.step(action)[2]
    with pytest.raises(ValueError, match="reset"):
        env.step(action)


def test_wrong_actions_and_settings_are_named() -> None:
    env = PaintEnv()
    env.reset()
    with pytest.raises(ValueError, match="flag = 2"):
        env.step(np.array([0, 0, 2, 0, 0, 0, 0, 0]))
    with pytest.raises(ValueError, match="grid"):
        PaintEnv(grid=100)
    env.close()
    with pytest.raises(RuntimeError, match="closed"):
        env.step(np.zeros(8, np.int64))


def test_rendering() -> None:
    env = PaintEnv(render_mode="rgb_array", color=False)
    env.reset()
    np.testing.assert_array_equal(env.render(), np.full((64, 64, 3), 255))
    assert PaintEnv().render() is None


@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy, lambda env: pickle.loads(pickle.dumps(env))])
def test_a_copy_goes_on_by_itself(duplicate: Callable[[PaintEnv], PaintEnv]) -> None:
    images = np.random.default_rng(0).integers(0, 256, (20, 64, 64, 1), dtype=np.uint8)
    env = PaintEnv(color=False, reward="l2", data=images)
    env.action_space.seed(0)
    env.reset(seed=0)
    first, second = env.action_space.sample(), env.action_space.sample()
    env.step(first)
    twin = duplicate(env)
    expected, found = env.step(second), twin.step(second)
    np.testing.assert_array_equal(found[0]["canvas"], expected[0]["canvas"])
    assert found[1] == expected[1]
    kept = env.worlds.canvas.copy()
    twin.step(first)
    np.testing.assert_array_equal(env.worlds.canvas, kept)
    np.testing.assert_array_equal(twin.reset()[0]["target"], env.reset()[0]["target"])  # the same random generator


def test_the_random_generator_is_gymnasiums() -> None:
    images = np.random.default_rng(0).integers(0, 256, (99, 64, 64, 1), dtype=np.uint8)
    env = PaintEnv(color=False, reward="l2", data=images)
    env.reset(seed=5)
    assert env.np_random_seed == 5
    env.np_random = np.random.default_rng(1)
    target = env.reset()[0]["target"]
    env.np_random = np.random.default_rng(1)
    np.testing.assert_array_equal(env.reset()[0]["target"], target)


def test_a_video_of_an_episode(tmp_path: Path) -> None:
    pytest.importorskip("moviepy", reason="RecordVideo needs moviepy")
    env = gym.make("impasto/Paint-v0", render_mode="rgb_array", episode_length=4)
    env = gym.wrappers.RecordVideo(env, str(tmp_path / "videos"), disable_logger=True)
    env.reset(seed=0)
    while not env.step(env.action_space.sample())[2]:
        pass
    env.close()
    assert [path.suffix for path in (tmp_path / "videos").iterdir()] == [".mp4"]


@pytest.mark.parametrize("how", ["make", "wrapper"])
def test_a_window(how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("pygame", reason="HumanRendering needs pygame")
    monkeypatch.setenv("SDL_VIDEODRIVER", "dummy")
    if how == "make":
        env = gym.make("impasto/Paint-v0", render_mode="human", episode_length=3)
    else:
        made = gym.make("impasto/Paint-v0", render_mode="rgb_array", episode_length=3)
        env = gym.wrappers.HumanRendering(made)  # type: ignore[assignment]
    assert env.metadata["render_fps"] == 5
    env.reset()
    env.step(env.action_space.sample())
    env.close()
