"""Canvases set from pixels: what was loaded is observed, and painting goes on from it."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from test_painter import SIZE, N, strokes

from pymypaint import BatchPainter


def noise(channels: int) -> NDArray[np.uint8]:
    return np.random.default_rng(1).integers(0, 256, (N, SIZE, SIZE, channels), np.uint8)


@pytest.mark.parametrize("channels", [1, 3])
def test_loaded_bytes_are_observed(channels: int) -> None:
    pictures = noise(channels)
    assert len(np.unique(pictures)) == 256
    observation = np.empty((N, SIZE, SIZE, 3), np.uint8)
    with BatchPainter(N, "classic/pen", threads=2) as painter:
        painter.load(pictures, observation)
        np.testing.assert_array_equal(observation, np.broadcast_to(pictures, observation.shape))
        canvas = painter.canvas_fix15()
        assert (canvas[..., 3] == 1 << 15).all()
        wanted = np.rint(pictures.astype(np.float64) * 2**15 / 255)
        np.testing.assert_array_equal(canvas[..., :3], np.broadcast_to(wanted, canvas[..., :3].shape))


@pytest.mark.parametrize("brush", ["classic/charcoal", "classic/smudge", "classic/ink_eraser"])
def test_a_loaded_painting_is_the_painting(brush: str) -> None:
    """Loading back what a canvas holds changes nothing, neither the pixels nor what the brush paints next."""
    with BatchPainter(N, brush) as painter, BatchPainter(N, brush) as other:
        for seed in range(4):
            painter.stroke(**strokes(seed))
            other.stroke(**strokes(seed))
            painted = painter.canvas_fix15()
            painter.load(np.zeros((N, SIZE, SIZE, 3), np.uint8))
            painter.load(painted)
            np.testing.assert_array_equal(painter.canvas_fix15(), other.canvas_fix15())


def test_painting_goes_on_from_loaded_pixels_without_a_reset() -> None:
    black = np.zeros((N, SIZE, SIZE, 3), np.uint8)
    with BatchPainter(N, "classic/pen") as painter, BatchPainter(N, "classic/pen") as other:
        painter.load(black)
        painter.stroke(**strokes(0))
        assert not (painter.canvas_fix15()[..., :3] == 1 << 15).all(-1).any()  # nothing white is left
        other.reset()
        other.load(black)
        other.stroke(**strokes(0))
        np.testing.assert_array_equal(painter.canvas_fix15(), other.canvas_fix15())


def test_inactive_canvases_stay_as_they_are() -> None:
    active = np.array([False, True, False])
    with BatchPainter(N, "classic/pen") as painter:
        painter.stroke(**strokes(0))
        before = painter.canvas_fix15()
        bad = np.full((N, SIZE, SIZE, 4), 40000, np.uint16)
        bad[1] = 0
        observation = np.full((N, SIZE, SIZE, 3), 77, np.uint8)
        painter.load(bad, observation, active=active)
        np.testing.assert_array_equal(painter.canvas_fix15()[[0, 2]], before[[0, 2]])
        assert (painter.canvas_fix15()[1] == 0).all()
        assert (observation[1] == 0).all()
        assert (observation[[0, 2]] == 77).all()


def transparent(index: tuple[int, ...], value: int) -> NDArray[np.uint16]:
    canvas = np.full((N, SIZE, SIZE, 4), 100, np.uint16)
    canvas[index] = value
    return canvas


@pytest.mark.parametrize(
    ("canvas", "message"),
    [
        (np.zeros((N, SIZE, SIZE, 2), np.uint8), "canvas: expected 1 channel .* or 3 .*, got 2"),
        (np.zeros((N, SIZE, SIZE, 4), np.uint8), "canvas: expected 1 channel .* or 3 .*, got 4"),
        (np.zeros((N, SIZE, SIZE, 3), np.uint16), r"canvas: expected .*uint16 \[3, 64, 64, 4\].*got shape"),
        (np.zeros((N, SIZE, SIZE, 3)), "canvas: expected .*uint8"),
        (np.zeros((N, SIZE, 32, 3), np.uint8), r"canvas: expected .*uint8 \[3, 64, 64, \*\]"),
        (np.zeros((N, SIZE, SIZE, 6), np.uint8)[..., ::2], "canvas: .*not C-contiguous"),
        (transparent((1, 2, 3, 3), 32769), r"canvas\[1\]: expected premultiplied RGBA .*got \(100, 100, 100, 32769\)"),
        (transparent((2, 0, 0, 1), 101), r"canvas\[2\]: expected premultiplied RGBA .*got \(100, 101, 100, 100\)"),
        (None, "canvas: expected .*got NoneType"),
        ("white", "canvas: expected .*got str"),
    ],
)
def test_wrong_pixels(canvas: Any, message: str) -> None:
    with BatchPainter(N, "classic/pen") as painter:
        painter.stroke(**strokes(0))
        before = painter.canvas_fix15()
        with pytest.raises(ValueError, match=message):
            painter.load(canvas)
        np.testing.assert_array_equal(painter.canvas_fix15(), before)


def test_loading_is_refused_when_closed() -> None:
    painter = BatchPainter(N, "classic/pen")
    painter.close()
    with pytest.raises(RuntimeError, match="closed"):
        painter.load(noise(3))
