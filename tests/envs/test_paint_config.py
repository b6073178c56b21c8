"""The painting world's settings, the decoding of actions into strokes, and area pooling."""

import math

import numpy as np
import pytest

from envs.paint import PaintConfig, StrokeDecoder, pool


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        ({"observation_size": 48}, "observation_size"),
        ({"observation_size": 0}, "observation_size"),
        ({"grid": 1}, "grid"),
        ({"grid": 65}, "grid"),
        ({"episode_length": 1}, "episode_length"),
        ({"brush_sizes": ()}, "brush_sizes"),
        ({"brush_sizes": (1.0, 0.0)}, "brush_sizes"),
        ({"pressure_levels": 0}, "pressure_levels"),
        ({"color_levels": 1}, "color_levels"),
        ({"fixed_pressure": 1.5}, "fixed_pressure"),
        ({"fixed_pressure": math.nan}, "fixed_pressure"),
    ],
)
def test_a_wrong_setting_is_named(settings: dict[str, object], name: str) -> None:
    with pytest.raises(ValueError, match=name):
        PaintConfig(**settings)  # type: ignore[arg-type]


def test_the_reset_counts_as_a_step() -> None:
    assert PaintConfig(episode_length=20).num_actions == 19


def test_canvas_shape() -> None:
    assert PaintConfig().canvas_shape == (64, 64, 3)
    assert PaintConfig(color=False, observation_size=32).canvas_shape == (32, 32, 1)


def test_locations_are_cell_corners_as_y_x() -> None:
    config = PaintConfig(grid=32, canvas_size=64)
    actions = np.zeros((1024, 8), np.int64)
    actions[:, 0] = np.arange(1024)  # control
    actions[:, 1] = np.arange(1024)[::-1]  # end
    strokes = StrokeDecoder(config)(actions)
    expected = np.array([(2.0 * y, 2.0 * x) for y in range(32) for x in range(32)])
    np.testing.assert_array_equal(strokes.control, expected)
    np.testing.assert_array_equal(strokes.end, expected[::-1])
    assert strokes.end.max() == 62.0


def test_tables_of_pressure_size_color_and_flag() -> None:
    config = PaintConfig()
    names = config.action_spec.names
    actions = np.zeros((20, 8), np.int64)
    for name in ("pressure", "size", "red", "green", "blue", "flag"):
        column = names.index(name)
        actions[:, column] = np.arange(20) % config.action_spec.sizes[column]
    actions[:, names.index("green")] = 3
    strokes = StrokeDecoder(config)(actions)
    np.testing.assert_array_equal(strokes.pressure[:10], np.linspace(0.1, 1, 10))
    np.testing.assert_array_equal(strokes.log_radius[:6], np.log([1, 2, 4, 8, 12, 24]))
    np.testing.assert_array_equal(strokes.color[:, 0], np.linspace(0, 1, 20))
    np.testing.assert_array_equal(strokes.color[:, 1], np.full(20, np.linspace(0, 1, 20)[3]))
    np.testing.assert_array_equal(strokes.color[:, 2], np.linspace(0, 1, 20))
    np.testing.assert_array_equal(strokes.paint, np.arange(20) % 2 == 1)


def test_left_out_components_have_fixed_values() -> None:
    config = PaintConfig(pressure_levels=1, fixed_pressure=0.25, brush_sizes=(3.0,), color=False)
    strokes = StrokeDecoder(config)(np.zeros((4, 3), np.int64))
    np.testing.assert_array_equal(strokes.pressure, np.full(4, 0.25))
    np.testing.assert_array_equal(strokes.log_radius, np.full(4, np.log(3.0)))
    np.testing.assert_array_equal(strokes.color, np.zeros((4, 3)))


def test_without_pressures_the_brush_is_pressed_down_as_published() -> None:
    strokes = StrokeDecoder(PaintConfig(pressure_levels=1))(np.zeros((2, 7), np.int64))
    np.testing.assert_array_equal(strokes.pressure, np.ones(2))


def test_scale_enlarges_places_and_radii_only() -> None:
    decoder = StrokeDecoder(PaintConfig())
    actions = np.random.default_rng(0).integers(0, decoder.spec.sizes, (50, 8))
    small, large = decoder(actions), decoder(actions, scale=4.0)
    np.testing.assert_allclose(large.end, 4 * small.end)
    np.testing.assert_allclose(large.control, 4 * small.control)
    np.testing.assert_allclose(np.exp(large.log_radius), 4 * np.exp(small.log_radius))
    np.testing.assert_array_equal(large.pressure, small.pressure)
    np.testing.assert_array_equal(large.color, small.color)
    assert decoder.smallest_log_radius(4.0) == pytest.approx(math.log(4.0))


@pytest.mark.parametrize(("size", "channels"), [(64, 3), (32, 1), (16, 3), (8, 3), (4, 1), (2, 3), (1, 1)])
def test_pooling_against_a_slow_version(size: int, channels: int) -> None:
    canvas = np.random.default_rng(1).integers(0, 256, (2, 64, 64, channels), dtype=np.uint8)
    canvas[1, :, 32:] = 255  # the largest sums
    factor = 64 // size
    pooled = pool(canvas, size)
    assert pooled.shape == (2, size, size, channels)
    assert pooled.dtype == np.uint8
    for n, y, x, c in np.ndindex(pooled.shape):
        block = canvas[n, y * factor : (y + 1) * factor, x * factor : (x + 1) * factor, c]
        assert pooled[n, y, x, c] == math.floor(block.sum(dtype=int) / factor**2 + 0.5)


def test_pooling_white_stays_white() -> None:
    np.testing.assert_array_equal(pool(np.full((1, 64, 64, 3), 255, np.uint8), 1), np.full((1, 1, 1, 3), 255))
