"""Runs on shared storage: what is brought, what is not, how much of it."""

from __future__ import annotations

import json
import os
import shutil
import threading
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from cluster.cli.dashboard import local_copy
from cluster.dashboard import remote as module
from cluster.dashboard.readers.site import Site
from cluster.dashboard.remote import RemoteRuns, rank
from cluster.dashboard.server import make_app
from cluster.errors import UserError
from cluster.runs.remote import RemoteFolder
from tests.cluster.dashboard.client import Client
from tests.cluster.dashboard.made_up import make_run


class Counting:
    """A file system that writes down what is read from it."""

    def __init__(self, inner: Any) -> None:
        self.inner, self.opened = inner, list[str]()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    def open_input_file(self, path: str) -> Any:
        self.opened.append(Path(path).name)
        return self.inner.open_input_file(path)


@pytest.fixture
def shared(tmp_path: Path) -> Path:
    root = tmp_path / "shared"
    run = make_run(root / "a", seconds=100, sheets=2)
    make_run(root / "group" / "b", seconds=50, sheets=1, seed=1)
    for checkpoint in (run / "checkpoints").iterdir():
        (checkpoint / "policy.safetensors").write_bytes(bytes(5_000_000))
    (run / ".lock").write_text("")
    return root


def copy_of(shared: Path, tmp_path: Path) -> RemoteRuns:
    folder = RemoteFolder(f"file://{shared}")
    folder.filesystem = Counting(folder.filesystem)
    copy = RemoteRuns(folder, tmp_path / "copy")
    copy.look()
    return copy


def test_pages_show_runs_of_shared_storage(shared: Path, tmp_path: Path) -> None:
    copy = copy_of(shared, tmp_path)
    assert copy.traffic < 1_000_000, "no weights"
    assert not list(copy.local.rglob("*.safetensors"))
    ours, theirs = Site(copy.local, "s3://bucket/runs"), Site(shared)
    for key in ("a", "group~b"):
        here, there = ours.run(key), theirs.run(key)
        assert here.history.rows == there.history.rows > 0
        assert [each.update for each in here.checkpoints()] == [each.update for each in there.checkpoints()]
        assert [each.key for each in here.sheets()] == [each.key for each in there.sheets()]
        assert here.written == pytest.approx(there.written, abs=1e-3)
    text = Client(make_app(copy.local, address="s3://bucket/runs")).get("/").text
    assert "impasto resume s3://bucket/runs/group/b" in text
    assert str(copy.local) not in text


def test_only_what_was_added_is_read_again(shared: Path, tmp_path: Path) -> None:
    copy = copy_of(shared, tmp_path)
    before, copy.remote.filesystem.opened = copy.traffic, []
    copy.look()
    assert copy.remote.filesystem.opened == []
    with (shared / "a" / "metrics.jsonl").open("a") as file:
        file.write(json.dumps({"update": 501, "env_steps": 9}) + "\n")
    copy.look()
    assert copy.remote.filesystem.opened == ["metrics.jsonl"]
    assert copy.traffic - before < 100
    assert (copy.local / "a" / "metrics.jsonl").read_bytes() == (shared / "a" / "metrics.jsonl").read_bytes()
    (shared / "a" / "metrics.jsonl").write_text('{"update": 1}\n')  # another run in its place
    os.utime(shared / "a" / "metrics.jsonl", (1, 1))
    shutil.rmtree(shared / "group")
    copy.look()
    assert (copy.local / "a" / "metrics.jsonl").read_text() == '{"update": 1}\n'
    assert [run.entry.key for run in Site(copy.local).single_runs()] == ["a"]


def test_a_look_brings_so_much_records_first(shared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    records = sum(path.stat().st_size for path in shared.rglob("*.json*"))
    monkeypatch.setattr(module, "BYTES_A_LOOK", records + 10)
    copy = copy_of(shared, tmp_path)
    assert not list(copy.local.rglob("*.png"))
    assert len(list(copy.local.rglob("metrics.jsonl"))) == 2
    for _ in range(10):
        copy.look()
    assert len(list(copy.local.rglob("*.png"))) == len(list(shared.rglob("samples/*.png")))


def test_of_a_record_that_is_too_large_the_end(shared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LARGEST_RECORD", 10_000)
    monkeypatch.setattr(module, "LARGEST_PICTURE", 10)
    copy = copy_of(shared, tmp_path)
    whole, part = ((root / "a" / "metrics.jsonl").read_bytes() for root in (shared, copy.local))
    assert len(part) <= 10_000
    assert whole.endswith(b"\n" + part)
    with (shared / "a" / "metrics.jsonl").open("ab") as file:
        file.write(b'{"update": 501}\n')
    copy.look()
    assert (copy.local / "a" / "metrics.jsonl").read_bytes() == part + b'{"update": 501}\n'
    assert not list(copy.local.rglob("*.png"))


def test_what_pages_show_by_name() -> None:
    names = ("a/config.json", "lineage.jsonl", "p/members/01/checkpoints/x/manifest.json", "samples/00000000.png")
    assert [rank(name) for name in names] == [0, 1, 2, 3]
    for name in ("a/.lock", "a/checkpoints/x/policy.safetensors", ".lease/config.json", "a/ray.log"):
        assert rank(name) == len(module.SHOWN)


def test_storage_that_can_not_be_read_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(UserError, match=r"can not be read|not a folder"), local_copy(f"file://{tmp_path}/file"):
        pass
    with local_copy(str(tmp_path)) as (root, address):
        assert (root, address) == (tmp_path, "")


def test_the_copy_goes_on_after_any_trouble_of_the_storage(
    shared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(module, "POLL_SECONDS", 0.01)
    copy, done = copy_of(shared, tmp_path), threading.Event()
    looks, looked = iter((OSError("no route"), pa.ArrowInvalid("bad"))), copy.look

    def look() -> None:
        for error in looks:
            raise error
        looked()
        done.set()

    monkeypatch.setattr(copy, "look", look)
    copy.start()
    assert done.wait(60)
    copy.close()
    assert copy.trouble == ""
    said = capsys.readouterr().err.splitlines()
    assert [line.removeprefix(f"warning: {copy.remote.uri}: ") for line in said] == [
        "no route; trying again",
        "bad; trying again",
    ]
