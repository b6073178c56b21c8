"""Squared errors beside painting: exactly NumPy's on the full pictures."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from test_painter import strokes

from pymypaint import BatchPainter


class Errors:
    """NumPy's errors of full pictures."""

    def __init__(
        self, targets: NDArray[np.uint8], index: NDArray[np.int64], weight: NDArray[np.uint8] | None = None
    ) -> None:
        self.targets = targets.astype(np.int64)[index]
        self.weight = np.ones(self.targets.shape[:3], np.int64) if weight is None else weight.astype(np.int64)[index]

    def __call__(self, painter: BatchPainter, weighted: bool = False) -> NDArray[np.int64]:
        observation = np.empty(self.targets.shape, np.uint8)
        painter.observe(observation)
        squares: NDArray[np.int64] = ((observation.astype(np.int64) - self.targets) ** 2).sum(-1)
        return (squares * self.weight if weighted else squares).sum((1, 2))


def pictures(count: int, height: int, width: int, channels: int) -> NDArray[np.uint8]:
    return np.random.default_rng(5).integers(0, 256, (count, height, width, channels), np.uint8)


def weights(count: int, height: int, width: int) -> NDArray[np.uint8]:
    return np.random.default_rng(6).integers(0, 256, (count, height, width), np.uint8)


def strokes_within(seed: int, n: int, height: int, width: int) -> dict[str, NDArray[Any]]:
    random, arrays = np.random.default_rng(seed), strokes(seed, n)
    for name in ("end", "control"):
        arrays[name] = random.uniform(0, 1, (n, 2)) * (height, width)
    return arrays


def check(brush: str, height: int, width: int, channels: int, threads: int = 1) -> None:
    n, count = 5, 3
    targets, weight = pictures(count, height, width, channels), weights(count, height, width)
    index, changed = np.array([2, 0, 0, 1, 2]), 0
    errors = Errors(targets, index, weight)
    change, weighted_change = np.empty(n, np.int64), np.empty(n, np.int64)
    with BatchPainter(n, brush, height=height, width=width, threads=threads) as painter:
        painter.set_targets(targets, index, weight=weight)
        painter.load(pictures(n, height, width, 1))  # something to smudge
        before, weighted_before = errors(painter), errors(painter, weighted=True)
        np.testing.assert_array_equal(painter.squared_error(), before)
        np.testing.assert_array_equal(painter.squared_error(weighted=True), weighted_before)
        for seed in range(6):
            stroke = strokes_within(seed, n, height, width)
            painter.stroke(**stroke, error_change=change, weighted_error_change=weighted_change)
            after, weighted_after = errors(painter), errors(painter, weighted=True)
            np.testing.assert_array_equal(change, after - before)
            np.testing.assert_array_equal(weighted_change, weighted_after - weighted_before)
            np.testing.assert_array_equal(painter.squared_error(), after)
            before, weighted_before = after, weighted_after
            changed += int((change != 0).sum())
        assert changed > 0


@pytest.mark.parametrize("brush", ["classic/dry_brush", "classic/pen", "classic/smudge", "classic/ink_eraser"])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("threads", [1, 2])
def test_changes_are_those_of_full_pictures(brush: str, channels: int, threads: int) -> None:
    check(brush, 64, 64, channels, threads)


@pytest.mark.parametrize(("height", "width"), [(1, 1), (5, 7), (63, 65), (100, 64), (40, 200)])
@pytest.mark.parametrize("channels", [1, 3])
def test_any_size(height: int, width: int, channels: int) -> None:
    check("classic/charcoal", height, width, channels)


def test_every_version_of_the_kernels_counts_the_same() -> None:
    environment = os.environ | {"PYMYPAINT_KERNELS": "baseline"}
    command = [sys.executable, "-c", "import test_score as t; t.check('classic/charcoal', 63, 65, 3)"]
    subprocess.run(command, check=True, env=environment, cwd=Path(__file__).parent)


def test_the_largest_errors_do_not_overflow() -> None:
    black, most = np.zeros((1, 64, 64, 3), np.uint8), np.full((1, 64, 64), 255, np.uint8)
    with BatchPainter(1, "classic/pen") as painter:
        painter.set_targets(black, weight=most)
        assert painter.squared_error()[0] == 64 * 64 * 3 * 255**2
        assert painter.squared_error(weighted=True)[0] == 64 * 64 * 3 * 255**3


def test_a_change_is_the_strokes_alone() -> None:
    """What was painted, loaded, reset, copied or compared with another target before does not count."""
    n, change = 3, np.empty(3, np.int64)
    targets = pictures(3, 64, 64, 3)
    index = np.arange(3)
    with BatchPainter(n, "classic/charcoal") as painter:
        painter.set_targets(targets)
        meanwhile = [
            lambda: painter.stroke(**strokes(50)),
            lambda: painter.load(pictures(3, 64, 64, 1)),
            lambda: painter.reset(active=np.array([True, False, True])),
            lambda: painter.copy(np.array([1, 1, 0])),
            lambda: painter.set_targets(targets[::-1].copy(), np.array([0, 2, 0])),
            lambda: painter.set_targets(targets, np.array([1, 1, 1])),
            lambda: painter.stroke(**strokes(51), active=np.array([False, True, False])),
            lambda: painter.copy(np.array([0, 0, 0])),
        ]
        for seed, before in enumerate(meanwhile):
            before()
            if seed == 4:
                targets, index = targets[::-1].copy(), np.array([0, 2, 0])
            elif seed == 5:
                index = np.array([1, 1, 1])
                painter.set_targets(targets, index)
            errors = Errors(targets, index)
            expected = -errors(painter)
            painter.stroke(**strokes(seed), error_change=change)
            np.testing.assert_array_equal(change, expected + errors(painter))
            np.testing.assert_array_equal(painter.squared_error(), errors(painter))


def test_inactive_canvases_keep_their_changes() -> None:
    change = np.full(3, 77, np.int64)
    with BatchPainter(3, "classic/pen") as painter:
        painter.set_targets(pictures(3, 64, 64, 3))
        stroke = strokes(0) | {"paint": np.array([True, True, False])}
        painter.stroke(**stroke, active=np.array([True, False, True]), error_change=change)
        assert change[0] != 77
        assert change[1:].tolist() == [77, 0]


def test_best_of_k_goes_on_from_the_winner() -> None:
    """N targets, N * K canvases: each round paints candidates, and all go on from the best of their target."""
    n, k = 4, 6
    targets = pictures(n, 64, 64, 3)
    index = np.repeat(np.arange(n), k)
    change, total = np.empty(n * k, np.int64), np.zeros(n, np.int64)
    with BatchPainter(n * k, "classic/dry_brush", threads=2) as painter:
        painter.set_targets(targets, index)
        first = painter.squared_error()[::k]
        for seed in range(5):
            stroke = strokes(seed, n * k) | {"paint": np.ones(n * k, bool)}
            start = np.random.default_rng(seed).uniform(0, 64, (n * k, 2))
            painter.stroke(**stroke, start=start, error_change=change)
            best = change.reshape(n, k).argmin(1)
            total += change.reshape(n, k).min(1)
            painter.copy(np.repeat(np.arange(n) * k + best, k))
            np.testing.assert_array_equal(painter.squared_error(), np.repeat(first + total, k))
        np.testing.assert_array_equal(painter.squared_error(), Errors(targets, index)(painter))


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"targets": pictures(2, 64, 64, 3)}, "index: expected which of 2 targets each of 3 canvases has, got None"),
    ({"targets": pictures(3, 64, 64, 2)}, "targets: expected 1 channel .* or 3 .*, got 2"),
    ({"targets": pictures(3, 64, 32, 3)}, r"targets: expected .*uint8 \[\*, 64, 64, \*\]"),
    ({"targets": pictures(3, 64, 64, 3) / 255.0}, "targets: expected .*uint8"),
    ({"targets": pictures(0, 64, 64, 3), "index": np.zeros(3, np.int64)}, r"targets: expected at least one"),
    ({"targets": pictures(2, 64, 64, 3), "index": np.array([0, 1, 2])}, r"index\[2\]: expected a number from 0 to 1"),
    ({"targets": pictures(3, 64, 64, 3), "index": np.array([0, 1])}, "index: expected"),
    ({"targets": pictures(3, 64, 64, 3), "weight": np.ones((3, 64, 64))}, "weight: expected .*uint8"),
    ({"targets": pictures(3, 64, 64, 3), "weight": weights(2, 64, 64)}, "weight: expected .*shape"),
    ({"targets": None, "index": np.arange(3)}, "without targets"),
    ({"targets": [1, 2, 3]}, "targets: expected .*got list"),
]


@pytest.mark.parametrize(("arguments", "message"), WRONG, ids=range(len(WRONG)))
def test_wrong_targets(arguments: dict[str, Any], message: str) -> None:
    with BatchPainter(3, "classic/pen") as painter:
        painter.set_targets(pictures(3, 64, 64, 3))
        before = painter.squared_error()
        with pytest.raises(ValueError, match=message):
            painter.set_targets(**arguments)
        np.testing.assert_array_equal(painter.squared_error(), before)


def test_errors_need_targets_and_weights() -> None:
    change = np.empty(3, np.int64)
    with BatchPainter(3, "classic/pen") as painter:
        for call in (lambda: painter.stroke(**strokes(0), error_change=change), painter.squared_error):
            with pytest.raises(ValueError, match="call set_targets"):
                call()
        painter.set_targets(pictures(3, 64, 64, 3))
        with pytest.raises(ValueError, match="no weights"):
            painter.stroke(**strokes(0), weighted_error_change=change)
        with pytest.raises(ValueError, match="no weights"):
            painter.squared_error(weighted=True)
        np.testing.assert_array_equal(painter.canvas_fix15(), 1 << 15)
        for bad in (np.empty(2, np.int64), np.empty(3), np.empty(3, np.int32), [0, 0, 0]):
            with pytest.raises(ValueError, match="error_change: expected"):
                painter.stroke(**strokes(0), error_change=bad)  # type: ignore[arg-type]
        np.testing.assert_array_equal(painter.canvas_fix15(), 1 << 15)
        painter.set_targets(None)
        with pytest.raises(ValueError, match="call set_targets"):
            painter.squared_error()


def test_a_start_is_a_move_before_the_stroke() -> None:
    random = np.random.default_rng(8)
    for legacy in (False, True):
        with (
            BatchPainter(3, "classic/charcoal", legacy_move=legacy) as painter,
            BatchPainter(3, "classic/charcoal", legacy_move=legacy) as other,
        ):
            for seed in range(4):
                stroke, start = strokes(seed), random.uniform(0, 64, (3, 2))
                painter.stroke(**stroke, start=start)
                move = stroke | {"end": start, "paint": np.zeros(3, bool)}
                other.stroke(**move, active=stroke["paint"])
                other.stroke(**stroke)
                np.testing.assert_array_equal(painter.canvas_fix15(), other.canvas_fix15())
            with pytest.raises(ValueError, match=r"start\[0\]: expected a number in \[0, 64\]"):
                painter.stroke(**strokes(0), start=np.full((3, 2), 65.0))
            with pytest.raises(ValueError, match="start: expected"):
                painter.stroke(**strokes(0), start=np.zeros((3, 3)))
