"""The batch: what each argument may be, who stays untouched, and that neither N nor threads change a pixel."""

import os
import threading
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from pymypaint import BatchPainter

N, SIZE = 3, 64


def strokes(seed: int, n: int = N, size: int = SIZE) -> dict[str, NDArray[Any]]:
    random = np.random.default_rng(seed)
    return {
        "end": random.uniform(0, size, (n, 2)),
        "control": random.uniform(0, size, (n, 2)),
        "pressure": random.uniform(0.1, 1, n),
        "log_radius": np.log(random.choice([1.0, 2.0, 4.0, 8.0], n)),
        "color": random.uniform(0, 1, (n, 3)),
        "paint": random.uniform(size=n) < 0.9,
    }


def picture(n: int = N, channels: int = 3) -> NDArray[np.uint8]:
    return np.zeros((n, SIZE, SIZE, channels), np.uint8)


@pytest.fixture
def painter() -> BatchPainter:
    return BatchPainter(N, "classic/charcoal")


def test_attributes(painter: BatchPainter) -> None:
    assert (painter.num_canvases, painter.height, painter.width, painter.threads) == (N, 64, 64, 1)
    assert painter.brush == "classic/charcoal"
    assert not painter.closed
    for name in ("num_canvases", "height", "width", "threads", "brush", "closed"):
        with pytest.raises(AttributeError):
            setattr(painter, name, 1)


def test_begins_white(painter: BatchPainter) -> None:
    observation = picture()
    painter.observe(observation)
    assert (observation == 255).all()
    canvas = painter.canvas_fix15()
    assert canvas.shape == (N, SIZE, SIZE, 4)
    assert canvas.dtype == np.uint16
    assert (canvas == 1 << 15).all()


def test_stroke_without_reset_is_stroke_after_reset(painter: BatchPainter) -> None:
    painter.stroke(**strokes(0))
    with BatchPainter(N, "classic/charcoal") as other:
        other.reset()
        other.stroke(**strokes(0))
        np.testing.assert_array_equal(painter.canvas_fix15(), other.canvas_fix15())


def test_observation_is_the_same_from_every_call(painter: BatchPainter) -> None:
    from_stroke, from_observe, gray = picture(), picture(), picture(channels=1)
    for seed in range(4):
        painter.stroke(**strokes(seed), observation=from_stroke)
        painter.observe(from_observe)
        np.testing.assert_array_equal(from_stroke, from_observe)
        painter.observe(gray)
        np.testing.assert_array_equal(gray[..., 0], from_stroke[..., 0])
    painter.reset(from_stroke)
    assert (from_stroke == 255).all()
    np.testing.assert_array_equal(painter.canvas_fix15(), 1 << 15)


def test_an_episode_is_a_function_of_its_actions(painter: BatchPainter) -> None:
    paintings = []
    for _ in range(2):
        painter.reset(log_radius=0.5)
        for seed in range(3):
            painter.stroke(**strokes(seed))
        paintings.append(painter.canvas_fix15())
    np.testing.assert_array_equal(paintings[0], paintings[1])


def test_history_makes_episodes_differ() -> None:
    paintings = []
    with BatchPainter(N, "classic/charcoal", history=True) as painter:
        for _ in range(2):
            painter.reset()
            painter.stroke(**strokes(0))
            paintings.append(painter.canvas_fix15())
    assert (paintings[0] != paintings[1]).any()


def test_legacy_move_starts_at_y_y() -> None:
    moves = strokes(0) | {"paint": np.zeros(N, bool), "end": np.full((N, 2), (50.0, 10.0))}
    lines = strokes(1) | {"paint": np.ones(N, bool), "end": np.full((N, 2), (50.0, 12.0))}
    lines["control"] = lines["end"]
    lines["color"] = np.zeros((N, 3))
    painted = {}
    for legacy in (False, True):
        with BatchPainter(N, "classic/pen", legacy_move=legacy) as painter:
            painter.reset()
            painter.stroke(**moves)
            painter.stroke(**lines)
            painted[legacy] = painter.canvas_fix15()[:, :, 30:, 0] < 1 << 15
    assert not painted[False].any()
    assert painted[True].any()


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_results_depend_neither_on_n_nor_on_threads(threads: int) -> None:
    n = 9
    with BatchPainter(n, "classic/dry_brush", threads=threads) as together:
        observation = picture(n)
        for seed in range(3):
            together.stroke(**strokes(seed, n), observation=observation)
        canvases = together.canvas_fix15()
    for i in range(n):
        with BatchPainter(1, "classic/dry_brush") as alone:
            for seed in range(3):
                alone.stroke(**{name: values[i : i + 1] for name, values in strokes(seed, n).items()})
            np.testing.assert_array_equal(alone.canvas_fix15()[0], canvases[i])


def test_inactive_canvases_stay_as_they_are(painter: BatchPainter) -> None:
    painter.stroke(**strokes(0))
    before, active = painter.canvas_fix15(), np.array([True, False, True])
    observation = np.full((N, SIZE, SIZE, 3), 77, np.uint8)
    bad = strokes(1)
    bad["end"][1] = np.nan  # not looked at
    painter.stroke(**bad, observation=observation, active=active)
    assert (painter.canvas_fix15()[0] != before[0]).any()
    np.testing.assert_array_equal(painter.canvas_fix15()[1], before[1])
    assert (observation[1] == 77).all()
    assert (observation[0] != 77).any()
    painter.reset(observation, active=~active)
    assert (observation[1] == 255).all()
    assert (painter.canvas_fix15()[0] != 1 << 15).any()
    # The one that sat out goes on as if the others had never painted.
    with BatchPainter(N, "classic/charcoal") as other:
        other.reset()
        other.stroke(**strokes(2))
        painter.stroke(**strokes(2))
        np.testing.assert_array_equal(painter.canvas_fix15()[1], other.canvas_fix15()[1])


@pytest.mark.parametrize(("height", "width"), [(1, 1), (5, 7), (63, 65), (100, 64), (40, 200)])
def test_any_size_is_a_cut_of_a_larger_one(height: int, width: int) -> None:
    random = np.random.default_rng(0)
    with (
        BatchPainter(1, "classic/dry_brush", height=height, width=width) as small,
        BatchPainter(1, "classic/dry_brush", height=256, width=256) as large,
    ):
        observation = np.zeros((1, height, width, 3), np.uint8)
        reference = np.zeros((1, 256, 256, 3), np.uint8)
        for seed in range(6):
            one = strokes(seed, 1)
            one["end"], one["control"] = (random.uniform(0, 1, (1, 2)) * (height, width) for _ in range(2))
            small.stroke(**one, observation=observation)
            large.stroke(**one, observation=reference)
            np.testing.assert_array_equal(observation, reference[:, :height, :width])
        np.testing.assert_array_equal(small.canvas_fix15(), large.canvas_fix15()[:, :height, :width])


WRONG: list[tuple[str, Any, str]] = [
    ("end", np.zeros((N, 3)), r"end: expected a C-contiguous float64 \[3, 2\] array, got shape \[3, 3\]"),
    ("end", np.zeros((N, 2), np.float32), "end: expected .*float64.*, got values of format 'f'"),
    ("end", np.zeros((2, N)).T, "end: .*not C-contiguous"),
    ("end", [[0.0, 0.0]] * N, "end: expected .*got list"),
    ("end", None, "end: expected .*got NoneType"),
    ("end", np.full((N, 2), np.nan), r"end\[0\]: expected a number in \[0, 64\], got nan"),
    ("end", np.full((N, 2), 64.001), r"end\[0\]: expected a number in \[0, 64\]"),
    ("end", np.full((N, 2), -0.1), r"end\[0\]: expected"),
    ("control", np.full((N, 2), np.inf), r"control\[0\]: expected"),
    ("control", np.zeros(6), "control: expected"),
    ("pressure", np.full(N, 1.01), r"pressure\[0\]: expected a number in \[0, 1\], got 1.01"),
    ("pressure", np.zeros(N, np.int64), "pressure: expected"),
    ("log_radius", np.full(N, 7.0), r"log_radius\[0\]: expected"),
    ("log_radius", np.full(N, -np.inf), r"log_radius\[0\]: expected"),
    ("log_radius", np.zeros(N, ">f8"), "log_radius: expected .*float64"),
    ("color", np.full((N, 3), 1.5), r"color\[0\]: expected"),
    ("color", np.zeros((N, 4)), "color: expected"),
    ("paint", np.ones(N), "paint: expected a C-contiguous bool"),
    ("paint", np.ones(N, np.uint8), "paint: expected"),
    ("paint", np.ones(N + 1, bool), "paint: expected"),
    ("active", np.ones(N), "active: expected"),
    ("active", np.ones((N, 1), bool), "active: expected"),
    ("observation", np.zeros((N, SIZE, SIZE, 2), np.uint8), "observation: expected 1 channel .* or 3 .*, got 2"),
    ("observation", np.zeros((N, SIZE, SIZE, 3), np.int8), "observation: expected .*uint8"),
    ("observation", np.zeros((N, SIZE, SIZE, 3)), "observation: expected .*uint8"),
    ("observation", np.zeros((N, SIZE, SIZE), np.uint8), "observation: expected"),
    ("observation", np.zeros((N, SIZE, SIZE, 6), np.uint8)[..., ::2], "observation: .*not C-contiguous"),
    ("observation", np.broadcast_to(picture(), (N, SIZE, SIZE, 3)), "observation: .*read-only"),
    ("observation", "white", "observation: expected .*got str"),
]


@pytest.mark.parametrize(("name", "value", "message"), WRONG, ids=[f"{wrong[0]}-{i}" for i, wrong in enumerate(WRONG)])
def test_wrong_argument_is_named_and_nothing_painted(
    name: str, value: Any, message: str, painter: BatchPainter
) -> None:
    with pytest.raises(ValueError, match=message):
        painter.stroke(**(strokes(0) | {name: value}))
    np.testing.assert_array_equal(painter.canvas_fix15(), 1 << 15)


def test_wrong_arguments_of_the_others(painter: BatchPainter) -> None:
    for bad in (np.nan, 100, 10**400, None, np.full(N, np.nan), np.zeros(N + 1), "large"):
        with pytest.raises(ValueError, match="log_radius"):
            painter.reset(log_radius=bad)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="observation"):
        painter.observe(None)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "arguments",
    [
        {"num_canvases": 0},
        {"num_canvases": -1},
        {"num_canvases": 2**40},
        {"height": 0},
        {"width": 5000},
        {"threads": 0},
    ],
    ids=str,
)
def test_wrong_sizes(arguments: dict[str, int]) -> None:
    (name,) = arguments
    with pytest.raises(ValueError, match=f"{name}: expected a number from 1 to"):
        BatchPainter(**({"num_canvases": 1, "brush": "classic/pen"} | arguments))  # type: ignore[arg-type]


def test_closed(painter: BatchPainter) -> None:
    with painter:
        painter.reset()
    assert painter.closed
    painter.close()
    for call in (
        painter.reset,
        painter.canvas_fix15,
        lambda: painter.observe(picture()),
        lambda: painter.stroke(**strokes(0)),
    ):
        with pytest.raises(RuntimeError, match="closed"):
            call()
    assert "closed" in repr(painter)


def test_two_python_threads_on_one_object() -> None:
    """Calls are one after the other: whatever their order, no crash, and the canvases are as after some order."""
    with BatchPainter(4, "classic/pen", threads=2) as painter:
        errors: list[BaseException] = []

        def work(seed: int) -> None:
            observation = picture(4)
            try:
                for step in range(20):
                    painter.stroke(**strokes(seed + step, 4), observation=observation)
                    painter.reset(observation)
            except BaseException as error:
                errors.append(error)

        workers = [threading.Thread(target=work, args=(seed,)) for seed in (0, 100, 200)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        assert not errors
        painter.reset()
        np.testing.assert_array_equal(painter.canvas_fix15(), 1 << 15)


def test_closing_while_another_thread_paints() -> None:
    painter = BatchPainter(4, "classic/pen", threads=2)
    outcome: list[BaseException] = []

    def work() -> None:
        try:
            while True:
                painter.stroke(**strokes(0, 4))
        except RuntimeError as error:
            outcome.append(error)

    worker = threading.Thread(target=work)
    worker.start()
    painter.stroke(**strokes(1, 4))
    painter.close()
    worker.join()
    assert "closed" in str(outcome[0])


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_painters_survive_a_fork() -> None:
    with BatchPainter(4, "classic/pen", threads=2) as painter:
        painter.stroke(**strokes(0, 4))
        child = os.fork()
        if child == 0:
            code = 1
            try:
                painter.stroke(**strokes(1, 4))
                painter.close()
                code = 0
            finally:
                os._exit(code)
        _, status = os.waitpid(child, 0)
        assert os.waitstatus_to_exitcode(status) == 0
        painter.stroke(**strokes(1, 4))


def test_many_painters_come_and_go() -> None:
    for _ in range(50):
        with BatchPainter(2, "classic/smudge+paint", threads=2) as painter:
            painter.stroke(**strokes(0, 2))
        assert painter.closed
