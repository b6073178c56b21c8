"""Large canvases paint the same strokes again, larger too."""

import numpy as np
import pytest

from envs.large_canvas import LargeCanvas, StrokeList, shrink


def strokes(count: int, size: int, seed: int = 0) -> StrokeList:
    rng = np.random.default_rng(seed)
    points = [rng.uniform(0, size, (count, 2)) for _ in range(3)]
    zeros = np.zeros(count, np.int64)
    return StrokeList(
        *(*points, rng.uniform(4, 8, count), rng.random((count, 3)), np.full(count, 0.8), zeros, zeros * 1.0),
        window=np.full((count, 3), np.nan),
    )


def painted(height: int, width: int, *parts: StrokeList) -> np.ndarray:
    canvas = LargeCanvas(height, width, "classic/dry_brush")
    for part in parts:
        canvas.paint(part)
    pixels = canvas.pixels()
    canvas.close()
    return pixels


def test_the_same_strokes_give_the_same_pixels_whatever_the_calls() -> None:
    some = strokes(12, 80)
    whole = painted(80, 100, some)
    np.testing.assert_array_equal(whole, painted(80, 100, some[:5], some[5:]))
    np.testing.assert_array_equal(whole, painted(80, 100, StrokeList.join([some[:5], some[5:]])))
    assert whole.shape == (80, 100, 3)
    assert whole.std() > 10


def test_twice_as_large_looks_alike() -> None:
    some = strokes(12, 80)
    small, large = painted(80, 80, some), painted(160, 160, some.scaled(2))
    difference = small.astype(float) - shrink(large, 80, 80)
    assert np.sqrt((difference**2).mean()) < 0.6 * small.astype(float).std()


def test_places_beyond_the_edge_are_moved_onto_it() -> None:
    some = strokes(3, 80)
    some.end[:] = 1e4
    assert painted(40, 50, some).std() > 1


def test_a_size_out_of_range_is_one_line() -> None:
    with pytest.raises(ValueError, match="size: expected sides of 1 to 4096 pixels, got 5000x10"):
        LargeCanvas(10, 5000, "classic/pen")
