"""Run folders on shared storage: what is copied when, and what a resume gets."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
import torch
from pyarrow.fs import FileInfo, FileSelector, FileSystem

from cluster import cli
from cluster.errors import UserError
from cluster.metrics.log import read_metrics
from cluster.painter.trainer import PainterTrainer
from cluster.runs import checkpoints
from cluster.runs.checkpoints import Checkpoint
from cluster.runs.folder import RunFolder
from cluster.runs.location import RunPlace
from cluster.runs.remote import LISTINGS, Mirror, RemoteFolder, fetch_to_resume
from cluster.runs.uri import is_uri
from tests.helpers.tiny_run import end, launch, options, tiny_settings, wait_until


def checkpoint(update: int) -> Checkpoint:
    return Checkpoint(update, tensors={"policy": {"weight": torch.full((100,), float(update))}})


def test_addresses_and_paths_are_told_apart() -> None:
    assert is_uri("s3://bucket/run")
    assert is_uri("file:///mnt/run")
    assert not is_uri("runs/a")
    assert not is_uri("/runs/a")
    with pytest.raises(UserError, match="nonsense://x: not a folder that can be reached"):
        RemoteFolder("nonsense://x")


def test_where_a_run_lies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("IMPASTO_RUNS", raising=False)
    monkeypatch.delenv("RAY_JOB_CONFIG_JSON_ENV_VAR", raising=False)
    assert RunPlace.find("some/run").path == Path("some/run")
    assert RunPlace.find("mnist-1", new=True).path == Path("runs/mnist-1")
    assert RunPlace.find(f"file://{tmp_path}/a/run").path == Path("runs/run")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("RAY_JOB_CONFIG_JSON_ENV_VAR", "{}")
    assert RunPlace.find("some/run").path == tmp_path / "impasto-runs/some/run", "a job's own folder goes away with it"
    assert RunPlace.find("/some/run").path == Path("/some/run")
    monkeypatch.setenv("IMPASTO_RUNS", "/mnt")
    assert RunPlace.find("mnist-1", new=True).path == Path("/mnt/mnist-1")


def test_the_copy_follows_and_drops_what_was_pruned(tmp_path: Path) -> None:
    remote = RemoteFolder(f"file://{tmp_path}/shared/run")
    with RunFolder.create(tmp_path / "run", {"a": 1}) as folder:
        mirror = Mirror(folder.path, remote)
        for update in (1, 2):
            checkpoints.save(folder.checkpoints, checkpoint(update), keep_last=1)
            mirror.request()
            name = checkpoints.checkpoints(folder.checkpoints)[-1].name
            wait_until(lambda name=name: remote.checkpoints() == [name], 120, "the copy")  # type: ignore[misc]
        folder.metrics.write_text("{}\n")
        mirror.close()
    files = remote.files()
    assert {"config.json", "metrics.jsonl"} <= files.keys()
    assert not any(part.startswith(".") for name in files for part in name.split("/")), "locks stay at home"
    copy = checkpoints.load(tmp_path / "shared/run/checkpoints" / name)
    assert torch.equal(copy.tensors["policy"]["weight"], torch.full((100,), 2.0))


def test_a_folder_that_appears_while_it_is_listed_is_listed_again(tmp_path: Path) -> None:
    remote = RemoteFolder(f"file://{tmp_path}/run")
    remote.write("config.json", b"{}")
    failures = 0

    class Changing:
        """Arrow's answer when a folder is made between its two looks."""

        def __init__(self, filesystem: FileSystem) -> None:
            self.filesystem = filesystem

        def get_file_info(self, selector: FileSelector) -> list[FileInfo]:
            nonlocal failures
            if failures > 0:
                failures -= 1
                raise FileNotFoundError(2, f"Cannot list directory '{tmp_path}/run'")
            return self.filesystem.get_file_info(selector)

    remote.filesystem = Changing(remote.filesystem)
    failures = 1
    assert list(remote.files()) == ["config.json"]
    failures = LISTINGS
    with pytest.raises(FileNotFoundError):
        remote.files()


def test_a_copy_that_fails_is_made_up_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    remote = RemoteFolder(f"file://{tmp_path}/shared/run")
    write = RemoteFolder.write
    with RunFolder.create(tmp_path / "run", {"a": 1}) as folder:
        mirror = Mirror(folder.path, remote)

        def fail(self: RemoteFolder, relative: str, content: bytes) -> None:
            raise OSError("the network is away")

        monkeypatch.setattr(RemoteFolder, "write", fail)
        mirror.request()
        wait_until(lambda: mirror.trouble, 120, "the failure")
        with pytest.raises(UserError, match=r"could not be brought up to date: the network is away; all is in"):
            mirror.close()
        monkeypatch.setattr(RemoteFolder, "write", write)
        mirror.attempt()
    assert not mirror.trouble
    assert "config.json" in remote.files()


def test_the_copying_thread_outlives_any_failure_and_the_run_tells_of_it_once(
    tmp_path: Path, images: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    remote = RemoteFolder(f"file://{tmp_path}/shared/run")
    write = RemoteFolder.write
    trainer = PainterTrainer(tiny_settings(images))
    assert trainer.note({}) is None
    with RunFolder.create(tmp_path / "run", {"a": 1}) as folder:
        trainer.mirror = mirror = Mirror(folder.path, remote)

        def fail(self: RemoteFolder, relative: str, content: bytes) -> None:
            raise TypeError("what nobody expected")

        monkeypatch.setattr(RemoteFolder, "write", fail)
        mirror.request()
        wait_until(lambda: mirror.trouble, 120, "the failure")
        told = f"no copy on {remote.uri}: what nobody expected"
        assert [trainer.note({}), trainer.note({})] == [told, told]
        assert trainer.note({"note": "no Redis"}) == "no Redis"
        assert capsys.readouterr().err == f"warning: {told}\n"
        monkeypatch.setattr(RemoteFolder, "write", write)
        wait_until(lambda: not mirror.trouble, 120, "the thread to try again")
        assert trainer.note({}) is None
        mirror.close()
    trainer.close()
    assert "config.json" in remote.files()


def fetch(place: RunPlace) -> None:
    """Fetch as a driver does."""
    with place.claimed() as claimed:
        claimed.fetch()


def test_a_resume_takes_whichever_is_newer(tmp_path: Path) -> None:
    remote = RemoteFolder(f"file://{tmp_path}/shared/run")
    place = RunPlace(tmp_path / "run", remote)
    with pytest.raises(UserError, match="holds no run"):
        fetch_to_resume(remote, place.path)
    with RunFolder.create(place.path, {"a": 1}) as folder:
        place.mark()
        checkpoints.save(folder.checkpoints, checkpoint(1))
        Mirror(folder.path, remote).close()
        checkpoints.save(folder.checkpoints, checkpoint(2))
        with pytest.raises(UserError, match="is being written by another driver"):
            fetch(place)
    fetch(place)
    assert [path.name for path in checkpoints.checkpoints(folder.checkpoints)][-1] == "000002-update-2"
    shutil.rmtree(place.path)  # another machine
    fetch(place)
    assert [path.name for path in checkpoints.checkpoints(folder.checkpoints)] == ["000001-update-1"]
    (place.path / "origin.json").unlink()
    with pytest.raises(UserError, match="holds something that is not a copy of"):
        fetch(place)


@pytest.mark.slow
def test_a_run_on_shared_storage_goes_on_elsewhere_after_a_kill(
    images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    uri, here = f"file://{tmp_path}/shared/run", tmp_path / "here"
    monkeypatch.setenv("IMPASTO_RUNS", str(here))
    driver = launch(
        ["train", str(images), "--run", uri, *options(minutes=30, checkpoint_minutes=0.03)], tmp_path / "log"
    )
    try:
        remote = RemoteFolder(uri)
        wait_until(lambda: any(not name.endswith("-0") for name in remote.checkpoints()), 120, "a checkpoint there")
    finally:
        end(driver)
    there = int(remote.checkpoints()[-1].split("-")[-1])
    monkeypatch.setenv("IMPASTO_RUNS", str(tmp_path / "elsewhere"))
    assert cli.main(["train", str(images), "--run", uri, *options()]) == 2
    assert f"continue it with `impasto resume {uri}`" in capsys.readouterr().err
    driver = launch(["resume", uri, "--minutes", "0.2"], tmp_path / "log")
    try:
        assert driver.wait(180) == 0, (tmp_path / "log").read_text()
    finally:
        end(driver)
    local = tmp_path / "elsewhere" / "run"
    rows = read_metrics(local / "metrics.jsonl")
    assert [row["update"] for row in rows if row.get("event") == "resume"] == [there]
    last = checkpoints.checkpoints(local / "checkpoints")[-1].name
    assert remote.checkpoints()[-1] == last
    assert int(last.split("-")[-1]) > there
    assert os.path.getsize(tmp_path / "shared/run/metrics.jsonl") == os.path.getsize(local / "metrics.jsonl")
