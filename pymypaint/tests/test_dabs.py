"""Dabs are told as they were drawn."""

import numpy as np
import pytest
from numpy.typing import NDArray

from pymypaint import BatchPainter

COUNT, SIZE = 3, 48


def stroke(painter: BatchPainter, seed: int, active: NDArray[np.bool_] | None = None) -> None:
    random = np.random.default_rng(seed)
    painter.stroke(
        end=random.uniform(5, SIZE - 5, (COUNT, 2)),
        control=random.uniform(5, SIZE - 5, (COUNT, 2)),
        pressure=np.full(COUNT, 0.8),
        log_radius=np.log(random.uniform(3, 6, COUNT)),
        color=random.uniform(0, 1, (COUNT, 3)),
        paint=np.ones(COUNT, bool),
        active=active,
    )


def dabs_of(engine: str, monkeypatch: pytest.MonkeyPatch, brush: str) -> list[NDArray[np.float32]]:
    monkeypatch.setenv("PYMYPAINT_ENGINE", engine)
    with BatchPainter(COUNT, brush, height=SIZE, width=SIZE) as painter:
        painter.reset()
        painter.record_dabs(True)
        stroke(painter, 0)
        return [painter.take_dabs(canvas) for canvas in range(COUNT)]


@pytest.mark.parametrize("brush", ["classic/pen", "classic/dry_brush", "classic/calligraphy"])
def test_both_engines_draw_the_same_dabs(brush: str, monkeypatch: pytest.MonkeyPatch) -> None:
    fast, slow = (dabs_of(engine, monkeypatch, brush) for engine in ("", "libmypaint"))
    for one, other in zip(fast, slow, strict=True):
        assert one.dtype == np.float32
        assert len(one) > 5
        assert one.shape[1] == 13
        np.testing.assert_array_equal(one, other)


def test_a_record_holds_what_was_drawn_since() -> None:
    with BatchPainter(COUNT, "classic/pen", height=SIZE, width=SIZE) as painter:
        painter.reset()
        stroke(painter, 0)
        assert len(painter.take_dabs(0)) == 0
        painter.record_dabs(True)
        stroke(painter, 1, active=np.array([True, False, False]))
        first = painter.take_dabs(0)
        assert len(first)
        assert len(painter.take_dabs(1)) == len(painter.take_dabs(0)) == 0
        kept = first.copy()
        stroke(painter, 2)
        np.testing.assert_array_equal(first, kept)  # its own memory
        painter.record_dabs(False)
        stroke(painter, 3)
        assert len(painter.take_dabs(0)) == 0


def test_a_dab_is_where_ink_is_and_has_the_color() -> None:
    with BatchPainter(COUNT, "classic/pen", height=SIZE, width=SIZE) as painter:
        painter.reset()
        painter.record_dabs(True)
        stroke(painter, 5)
        canvas = np.empty((COUNT, SIZE, SIZE, 3), np.uint8)
        painter.observe(canvas)
        wanted = np.random.default_rng(5)
        for _ in range(2):
            wanted.uniform(5, SIZE - 5, (COUNT, 2))
        wanted.uniform(3, 6, COUNT)
        colors = wanted.uniform(0, 1, (COUNT, 3))
        for number in range(COUNT):
            x, y, radius, hardness, ratio, _, opaque, *color, alpha, lock, colorize = painter.take_dabs(number).T
            inked = np.argwhere((canvas[number] < 250).any(-1))
            assert inked[:, 1].min() >= (x - radius).min() - 1
            assert inked[:, 0].max() <= (y + radius).max() + 1
            assert canvas[number][int(y[-1]), int(x[-1])].min() < 250
            np.testing.assert_allclose(np.stack(color, 1), np.broadcast_to(colors[number], (len(x), 3)), atol=0.02)
            assert ((hardness > 0) & (opaque > 0) & (ratio >= 1) & (alpha == 1) & (lock == 0) & (colorize == 0)).all()


def test_what_is_not_there_is_said() -> None:
    painter = BatchPainter(COUNT, "classic/pen", height=SIZE, width=SIZE)
    with pytest.raises(ValueError, match="canvas: expected a number from 0 to 2, got 3"):
        painter.take_dabs(3)
    painter.close()
    with pytest.raises(RuntimeError, match="closed"):
        painter.take_dabs(0)
    with pytest.raises(RuntimeError, match="closed"):
        painter.record_dabs(True)
