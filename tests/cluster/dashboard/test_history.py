"""Files that grow, are torn, or are long: what the dashboard reads of them."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np

from cluster.dashboard.readers.history import MOST_ROWS, History, buckets
from cluster.dashboard.readers.tail import Tail


def append(path: Path, *rows: dict[str, Any] | str) -> None:
    with path.open("a") as file:
        file.write("".join(row if isinstance(row, str) else json.dumps(row) + "\n" for row in rows))


def read(tail: Tail) -> list[bytes]:
    return [line for lines in tail.lines() for line in lines] if tail.has_changed() else []


def test_each_line_is_read_once_and_half_a_line_waits(tmp_path: Path) -> None:
    path = tmp_path / "lines.jsonl"
    tail = Tail(path)
    assert not tail.has_changed()
    append(path, "one\ntw")
    assert read(tail) == [b"one"]
    assert not tail.has_changed()  # nothing new
    append(path, "o\nthree\n")
    assert read(tail) == [b"two", b"three"]
    assert tail.generation == 0


def test_a_file_that_was_replaced_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "lines.jsonl"
    append(path, "one\ntwo\n")
    tail = Tail(path)
    assert read(tail) == [b"one", b"two"]
    path.write_text("1\n")
    assert read(tail) == [b"1"]
    assert tail.generation == 1
    other = tmp_path / "other"
    other.write_text("a longer line\n")
    os.replace(other, path)
    assert read(tail) == [b"a longer line"]
    assert tail.generation == 2


def test_lines_longer_than_a_chunk(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr("cluster.dashboard.readers.tail.CHUNK", 4)
    path = tmp_path / "lines.jsonl"
    append(path, "a line of some length\nb\nunfinished")
    tail = Tail(path)
    assert read(tail) == [b"a line of some length", b"b"]
    append(path, " no more\n")
    assert read(tail) == [b"unfinished no more"]


def test_columns_keep_their_rows_apart(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    append(path, {"update": 1, "a": 1.0}, {"update": 2, "b": 5}, "not JSON\n", "[1]\n", {"update": 3, "a": None})
    append(path, {"update": 4, "sample/pixel_frechet": 0.5}, '{"update": 5, "a"')
    history = History(path)
    history.refresh()
    np.testing.assert_array_equal(history.column("a"), [1.0, np.nan, np.nan])
    np.testing.assert_array_equal(history.column("b"), [np.nan, 5.0, np.nan])
    np.testing.assert_array_equal(history.column("update"), [1, 2, 3])
    assert history.damaged == 2
    assert history.latest["update"] == 4
    assert [row["update"] for row in history.rows_with("sample/pixel_frechet")] == [4]
    append(path, ": 7}\n")
    history.refresh()
    assert history.column("a")[-1] == 7


def test_a_resumed_run_drops_what_was_lost_with_the_kill(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    rows = [{"update": update, "x": float(update)} for update in (1, 2, 3, 4, 5)]
    append(path, *rows, {"update": 5, "sample/pixel_frechet": 1.0}, {"event": "resume", "update": 3, "time": 0.0})
    append(path, {"update": 4, "x": 40.0})
    history = History(path)
    history.refresh()
    np.testing.assert_array_equal(history.column("x"), [1, 2, 3, 40])
    assert history.rows_with("sample/pixel_frechet") == []
    assert [row["event"] for row in history.notable] == ["resume"]


def test_a_member_that_went_back_keeps_its_earlier_branches(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    first = [{"update": 10 * n, "env_steps": 10 * n, "population/branch": 0} for n in range(1, 6)]
    second = [{"update": 10 * n, "env_steps": 10 * n, "population/branch": 7} for n in range(3, 6)]
    append(path, *first, *second, {"event": "resume", "update": 40, "time": 0.0})
    history = History(path)
    history.refresh()
    np.testing.assert_array_equal(history.column("update"), [10, 20, 30, 40, 50, 30, 40])
    drawn = buckets(history, ["population/branch"], 3)
    assert drawn["breaks"] == [3]  # rows 0-1, 2-3 and 4 are of branch 0, and no bucket has rows of two branches
    assert drawn["series"]["population/branch"]["mean"] == [0, 0, 0, 7]


def test_a_restart_right_after_an_exploit_leaves_the_branch_before_it(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    first = [{"update": 10 * n, "population/branch": 0} for n in range(1, 6)]
    first.append({"update": 50, "population/branch": 0, "sample/pixel_frechet": 1.0})
    second = [{"update": 10 * n + 1, "population/branch": 7} for n in (3, 4)]
    append(
        path, *first, *second, {"event": "resume", "update": 30, "time": 0.0}, {"update": 35, "population/branch": 7}
    )
    history = History(path)
    history.refresh()
    np.testing.assert_array_equal(history.column("update"), [10, 20, 30, 40, 50, 35])
    assert [row["update"] for row in history.rows_with("sample/pixel_frechet")] == [50]


def test_a_restart_before_the_first_row_of_a_branch_says_which_it_is(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    rows = [{"update": 10 * n, "population/branch": 0} for n in range(1, 6)]
    append(path, *rows, {"event": "resume", "update": 30, "population/branch": 7, "time": 0.0})
    append(path, {"update": 35, "population/branch": 7})
    history = History(path)
    history.refresh()
    np.testing.assert_array_equal(history.column("update"), [10, 20, 30, 40, 50, 35])


def test_long_runs_take_bounded_room_however_they_are_read(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    count = 5 * MOST_ROWS
    whole = History(path)
    for start in range(0, count, count // 5):  # as it grows
        append(path, *({"update": n, "x": n % 2} for n in range(start, start + count // 5)))
        whole.refresh()
    append(path, {"update": count, "sample/pixel_frechet": 0.1})
    late = History(path)
    for history in (whole, late):
        history.refresh()
        assert history.rows == count
        assert MOST_ROWS / 4 < history.length <= MOST_ROWS
        assert history.latest["update"] == count
        assert len(history.rows_with("sample/pixel_frechet")) == 1
        kept = history.column("update")
        assert kept[0] == 0
        assert (np.diff(kept) == history.stride).all()


def test_buckets_are_means_with_their_extremes(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    values = [1.0, 3.0, None, 8.0, None, None]
    append(
        path, *({"update": n, "env_steps": 60 * n, "elapsed_s": 60 * n, "v": value} for n, value in enumerate(values))
    )
    history = History(path)
    history.refresh()
    drawn = buckets(history, ["v", "missing"], 3)
    assert drawn["x"] == {"steps": [30, 150, 270], "minutes": [0.5, 2.5, 4.5], "updates": [0.5, 2.5, 4.5]}
    assert drawn["series"] == {"v": {"mean": [2, 8, None], "low": [1, 8, None], "high": [3, 8, None]}}
    assert buckets(History(tmp_path / "none"), ["v"])["series"] == {}
