"""The metrics file: every row survives a kill, no row is invented, JSON stays JSON."""

import json
import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from cluster.metrics.log import MetricsWriter, read_metrics

torch.set_num_threads(1)


def test_rows_come_back_in_order_and_at_once(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    with MetricsWriter(path, None) as writer:
        writer.write(1, {"loss/policy": 0.5, "env_steps": 640, "sample/last": "samples/1.png", "lag/max": None})
        assert len(read_metrics(path)) == 1  # flushed
        writer.write(2, {"loss/policy": np.float32(0.25), "env_steps": np.int64(1280), "x": torch.tensor(1.5)})
    first, second = read_metrics(path)
    assert first.pop("time") <= second.pop("time")
    assert first == {"update": 1, "loss/policy": 0.5, "env_steps": 640, "sample/last": "samples/1.png", "lag/max": None}
    assert second == {"update": 2, "loss/policy": 0.25, "env_steps": 1280, "x": 1.5}


def test_values_that_are_not_finite_are_null_and_listed(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    with MetricsWriter(path, None) as writer:
        writer.write(1, {"a": math.nan, "b": -math.inf, "c": np.float32("nan"), "d": 1.0})
    text = path.read_text()
    row = json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))
    assert (row["a"], row["b"], row["c"], row["d"]) == (None, None, None, 1.0)
    assert row["nonfinite"] == ["a", "b", "c"]


@pytest.mark.parametrize("value", [[1, 2], {"a": 1}, np.zeros(3), torch.zeros(3), object()])
def test_what_is_no_number_is_named_and_writes_nothing(tmp_path: Path, value: object) -> None:
    with MetricsWriter(tmp_path / "m", None) as writer:
        with pytest.raises(ValueError, match="'bad/one'"):
            writer.write(1, {"good": 1.0, "bad/one": value})
        with pytest.raises(ValueError, match="'time'"):
            writer.write(1, {"time": 1.0})
    assert read_metrics(tmp_path / "m") == []


@pytest.mark.parametrize("torn", ['{"update": 3, "a"', "{", '{"update": 3, "a": 1}', "x" * 10_000])
def test_a_torn_last_line_is_skipped_by_readers_and_cut_by_the_next_writer(tmp_path: Path, torn: str) -> None:
    path = tmp_path / "metrics.jsonl"
    with MetricsWriter(path, None) as writer:
        for update in (1, 2):
            writer.write(update, {"a": 1.0})
    with path.open("a") as file:
        file.write(torn)
    assert [row["update"] for row in read_metrics(path)] == [1, 2]
    with MetricsWriter(path, None) as writer:
        writer.write(4, {"a": 1.0})
    assert [row["update"] for row in read_metrics(path)] == [1, 2, 4]
    assert path.read_bytes().count(b"\n") == 3


def test_a_file_with_nothing_but_a_torn_line_becomes_empty(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    path.write_text('{"upd')
    MetricsWriter(path, None).close()
    assert path.read_bytes() == b""


def test_a_broken_line_in_the_middle_is_named(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    path.write_text('{"update": 1}\n{"upd\n{"update": 3}\n')
    with pytest.raises(ValueError, match="line 2 is not a JSON object"):
        read_metrics(path)


def test_a_killed_writer_loses_no_row_it_reported(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    code = (
        "import sys\nfrom cluster.metrics.log import MetricsWriter\nw = MetricsWriter(sys.argv[1], None)\n"
        "for n in range(10**9):\n    w.write(n, {'a': 1.0})\n    print(n, flush=True)"
    )
    with subprocess.Popen([sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for _ in range(200):
            reported = int(process.stdout.readline())
        process.kill()
        reported = max([reported, *(int(line) for line in process.stdout.read().split("\n")[:-1])])
    updates = [row["update"] for row in read_metrics(path)]
    assert updates == list(range(len(updates)))
    assert len(updates) > reported >= 199


def test_resume_leaves_a_mark_and_keeps_what_is_there(tmp_path: Path) -> None:
    path, events = tmp_path / "metrics.jsonl", tmp_path / "tensorboard"
    with MetricsWriter(path, events) as writer:
        for update in (1, 2, 3):
            writer.write(update, {"loss/policy": float(update), "broken": math.nan, "name": "text"})
    with MetricsWriter(path, events, resume_from_update=2) as writer:
        writer.write(3, {"loss/policy": 30.0})
    rows = read_metrics(path)
    assert [row["update"] for row in rows] == [1, 2, 3, 2, 3]
    assert rows[3]["event"] == "resume"
    assert [row.get("event") for row in rows].count("resume") == 1

    board = EventAccumulator(str(events)).Reload()
    assert board.Tags()["scalars"] == ["loss/policy"]
    points = [(point.step, point.value) for point in board.Scalars("loss/policy")]
    assert points == [(1, 1.0), (2, 2.0), (3, 30.0)]  # the killed driver's update 3 is hidden
