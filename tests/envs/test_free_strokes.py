"""Free strokes: an action that brings its own start is a move and a stroke of the published action in one."""

import numpy as np
import pytest

from envs.paint import PaintConfig, PaintVectorEnv, StrokeDecoder
from envs.trials import TrialCanvases

FREE = PaintConfig(
    canvas_size=32, observation_size=32, grid=16, episode_length=6, brush="classic/pen", brush_sizes=(1.0, 3.0),
    pressure_levels=2, color_levels=4, strokes="free",
)  # fmt: skip


def actions(count: int, seed: int = 0, config: PaintConfig = FREE) -> np.ndarray:
    drawn = np.random.default_rng(seed).integers(0, config.action_spec.sizes, (count, len(config.action_spec.names)))
    drawn[:, config.action_spec.flag] = 1
    return drawn


def test_a_free_stroke_is_a_move_and_a_stroke() -> None:
    chained = PaintConfig(**{**vars(FREE), "strokes": "chained", "episode_length": 11})
    free_env, chained_env = PaintVectorEnv(3, FREE), PaintVectorEnv(3, chained)
    free_env.reset()
    chained_env.reset()
    names = chained.action_spec.names
    for step in range(5):
        action = actions(3, step)
        named = dict(zip(FREE.action_spec.names, action.T, strict=True))
        move = np.stack([named["start"] if name == "end" else 0 * named["end"] for name in names], 1)
        stroke = np.stack([named[name] for name in names], 1)
        seen = free_env.step(action)[0]["canvas"]
        chained_env.step(move)
        np.testing.assert_array_equal(seen, chained_env.step(stroke)[0]["canvas"])
    assert seen.min() < 255


def test_flag_0_leaves_the_canvas_and_nothing_else_counts() -> None:
    env = PaintVectorEnv(2, FREE)
    env.reset()
    action = actions(2)
    action[0, FREE.action_spec.flag] = 0
    observation = env.step(action)[0]
    assert (observation["canvas"][0] == 255).all()
    assert not (observation["canvas"][1] == 255).all()
    assert observation["action_mask"][0].sum() == 1


def test_the_spec_has_starts_and_radii() -> None:
    spec = FREE.action_spec
    assert spec.names == ("control", "end", "flag", "start", "pressure", "size", "red", "green", "blue")
    assert [spec.names[column] for column in spec.decode_order][:4] == ["flag", "start", "end", "control"]
    assert spec.radii == (1 / 32, 3 / 32)
    assert "start" not in PaintConfig().action_spec.names


def test_larger_canvases_move_starts_too() -> None:
    small, large = (StrokeDecoder(FREE)(actions(4), scale) for scale in (1.0, 3.0))
    assert small.start is not None
    assert large.start is not None
    np.testing.assert_allclose(large.start, 3 * small.start)


@pytest.mark.parametrize("name", ["first_is_move", "legacy_move"])
def test_settings_of_chained_strokes_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match="strokes: free ones bring their own starts"):
        PaintConfig(strokes="free", **{name: True})  # type: ignore[arg-type]


def squared_error(canvas: np.ndarray, target: np.ndarray) -> np.ndarray:
    return ((canvas.astype(np.float64) - target) ** 2).mean((-3, -2, -1)) / 255**2


def test_gains_of_tries_are_those_of_the_full_pictures_and_leave_the_canvas_alone() -> None:
    rng = np.random.default_rng(3)
    target = rng.integers(0, 256, (2, 32, 32, 3), np.uint8)
    begun = rng.integers(0, 256, (2, 32, 32, 3), np.uint8)
    trials = TrialCanvases(FREE, 3, 4)  # one canvas more than is used
    trials.begin(target, begun)
    np.testing.assert_array_equal(trials.canvas, begun)
    tries = np.stack([actions(4, seed) for seed in (1, 2)])
    tries[0, 1, FREE.action_spec.flag] = 0
    gains, seen = trials.tried(tries, look=True)
    assert seen is not None
    expected = squared_error(begun, target)[:, None] - squared_error(seen, target[:, None])
    np.testing.assert_allclose(gains, expected, rtol=1e-4, atol=1e-7)
    assert gains[0, 1] == 0
    np.testing.assert_allclose(trials.errors(), squared_error(begun, target), rtol=1e-5)
    again, _ = trials.tried(tries)  # the tries before have left nothing behind
    np.testing.assert_array_equal(again, gains)
    trials.paint(tries[:, 2])
    np.testing.assert_array_equal(trials.canvas, seen[:, 2])
    trials.close()
