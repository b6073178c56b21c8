"""Copies of canvases: they paint what repainting the prefix would paint, whoever drives the brush."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from test_engines import SIZES, every_brush
from test_painter import strokes

from pymypaint import BatchPainter, find_brush

SIZE = 64
# Some of each kind: smudging, tracking noise, random offsets and radii, color dynamics, direction, a plain pen.
SAMPLE = [
    *("classic/" + name for name in ("calligraphy", "charcoal", "dry_brush", "impressionism", "pen", "smudge")),
    *("classic/" + name for name in ("puantilism2", "textured_ink", "wet_knife", "kabura")),
    *("deevad/2B_pencil", "deevad/chalk", "experimental/bubble", "experimental/small_blot", "tanda/splatter-04"),
]


def random_strokes(random: np.random.Generator, n: int, moves: float) -> dict[str, NDArray[Any]]:
    return {
        "end": random.uniform(0, SIZE, (n, 2)),
        "control": random.uniform(0, SIZE, (n, 2)),
        "pressure": random.uniform(0, 1, n),
        "log_radius": random.choice(SIZES, n),
        "color": random.uniform(0, 1, (n, 3)),
        "paint": random.uniform(size=n) >= moves,
    }


def rows(arrays: dict[str, NDArray[Any]], index: Any) -> dict[str, NDArray[Any]]:
    return {name: np.ascontiguousarray(values[index]) for name, values in arrays.items()}


def check_copies(brush: str, steps: int = 4, moves: float = 0.2) -> None:
    """Three canvases paint, are copied onto each other, and go on; each must equal one that painted all its strokes."""
    random = np.random.default_rng(7)
    sources = [[0, 0, 1], [2, 1, 1], [1, 2, 0], [0, 1, 2]]
    with BatchPainter(3, brush, history=True) as painter:
        painter.reset()
        histories: list[list[dict[str, NDArray[Any]]]] = [[], [], []]
        for step in range(steps):
            stroke = random_strokes(random, 3, moves)
            painter.stroke(**stroke)
            for i in range(3):
                histories[i].append(rows(stroke, [i]))
            source = sources[step % len(sources)]
            painter.copy(np.array(source))
            histories = [list(histories[i]) for i in source]
        last = random_strokes(random, 3, moves)
        painter.stroke(**last)
        copies = painter.canvas_fix15()
    for i, history in enumerate(histories):
        with BatchPainter(1, brush, history=True) as alone:
            alone.reset()
            for stroke in [*history, rows(last, [i])]:
                alone.stroke(**stroke)
            np.testing.assert_array_equal(copies[i], alone.canvas_fix15()[0])


def found(names: list[str]) -> list[str]:
    return [name for name in names if name in every_brush()]


@pytest.mark.parametrize("brush", found(SAMPLE))
@pytest.mark.parametrize("engine", ["", "libmypaint"])
@pytest.mark.filterwarnings("ignore:brush")
def test_a_copy_paints_on_as_its_source_would(brush: str, engine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYMYPAINT_ENGINE", engine)
    check_copies(brush)


REMEMBERED: dict[str, dict[str, Any]] = {
    # Tracking noise skips updates until the pen has gone far enough.
    "skip": {"tracking_noise": {"base_value": 1.5, "inputs": {}}},
    # Where a dab is in the grid depends on the settings of the dab before.
    "grid": {
        "gridmap_scale": {"base_value": -3.0, "inputs": {"random": [[0.0, -2.0], [1.0, 2.0]]}},
        "gridmap_scale_x": {"base_value": 1.0, "inputs": {}},
        "hardness": {"base_value": 0.5, "inputs": {"gridmap_x": [[0.0, -0.4], [256.0, 0.4]]}},
    },
}


@pytest.mark.parametrize("settings", REMEMBERED)
def test_what_libmypaint_remembers_between_updates_is_copied(settings: str, tmp_path: Path) -> None:
    brush: dict[str, Any] = json.loads(find_brush("classic/charcoal").read_text())
    brush["settings"] |= REMEMBERED[settings]
    path = tmp_path / "remembers.myb"
    path.write_text(json.dumps(brush))
    check_copies(str(path), steps=9, moves=0.0)


@pytest.mark.slow
@pytest.mark.parametrize("brush", every_brush())
@pytest.mark.parametrize("engine", ["", "libmypaint"])
@pytest.mark.filterwarnings("ignore:brush")
def test_copies_of_every_brush(brush: str, engine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYMYPAINT_ENGINE", engine)
    check_copies(brush, steps=9)


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("engine", ["", "libmypaint"])
def test_any_source_is_read_before_it_is_written(threads: int, engine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYMYPAINT_ENGINE", engine)
    random, n = np.random.default_rng(3), 8
    with BatchPainter(n, "classic/charcoal", threads=threads) as painter:
        for seed in range(12):
            painter.stroke(**strokes(seed, n))
            before = painter.canvas_fix15()
            source = random.permutation(n) if seed % 3 == 0 else random.integers(0, n, n)
            untouched = np.full((n, SIZE, SIZE, 3), 77, np.uint8)
            painter.copy(source, untouched)
            np.testing.assert_array_equal(painter.canvas_fix15(), before[source])
            observation = np.empty_like(untouched)
            painter.observe(observation)
            moved = source != np.arange(n)
            np.testing.assert_array_equal(untouched[moved], observation[moved])
            assert (untouched[~moved] == 77).all()


def test_copies_of_canvases_that_were_never_reset() -> None:
    with BatchPainter(2, "classic/charcoal") as painter, BatchPainter(2, "classic/charcoal") as other:
        painter.stroke(**strokes(0, 2), active=np.array([True, False]))
        painter.copy(np.array([1, 1]))
        painter.stroke(**strokes(1, 2))
        other.stroke(**strokes(1, 2))
        np.testing.assert_array_equal(painter.canvas_fix15(), other.canvas_fix15())


def test_copies_between_transparent_and_opaque_canvases() -> None:
    with BatchPainter(2, "classic/ink_eraser") as painter:
        erase = strokes(0, 2) | {"paint": np.ones(2, bool)}
        painter.stroke(**erase, active=np.array([True, False]))
        before = painter.canvas_fix15()
        assert (before[0, ..., 3] < 1 << 15).any()
        painter.copy(np.array([0, 0]))
        np.testing.assert_array_equal(painter.canvas_fix15(), before[[0, 0]])
        painter.reset(active=np.array([True, False]))
        painter.copy(np.array([0, 0]))
        np.testing.assert_array_equal(painter.canvas_fix15(), 1 << 15)
        observation = np.empty((2, SIZE, SIZE, 3), np.uint8)
        painter.observe(observation)
        assert (observation == 255).all()


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (np.array([0, 1, 3]), r"source\[2\]: expected a number from 0 to 2, got 3"),
        (np.array([0, -1, 2]), r"source\[1\]: expected a number from 0 to 2, got -1"),
        (np.array([0, 1]), "source: expected .*int64"),
        (np.array([0, 1, 2], np.int32), "source: expected .*int64"),
        (np.array([0.0, 1.0, 2.0]), "source: expected .*int64"),
        ([0, 1, 2], "source: expected .*got list"),
        (None, "source: expected .*got NoneType"),
    ],
)
def test_wrong_sources(source: Any, message: str) -> None:
    with BatchPainter(3, "classic/pen") as painter:
        painter.stroke(**strokes(0))
        before = painter.canvas_fix15()
        with pytest.raises(ValueError, match=message):
            painter.copy(source)
        np.testing.assert_array_equal(painter.canvas_fix15(), before)


def test_copies_are_refused_when_closed() -> None:
    painter = BatchPainter(3, "classic/pen")
    painter.close()
    with pytest.raises(RuntimeError, match="closed"):
        painter.copy(np.arange(3))
