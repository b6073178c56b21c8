"""The run folder: one run, one driver, one line when either is not so."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from cluster.runs.folder import RunFolder, RunFolderError


def test_a_new_run_has_its_places_and_its_config(tmp_path: Path) -> None:
    config = {"seed": 1, "preset": "laptop", "shape": [32, 32, 1]}
    with RunFolder.create(tmp_path / "runs" / "a", config) as run:
        assert run.path == tmp_path / "runs" / "a"
        assert run.config == run.path / "config.json"
        assert run.metrics == run.path / "metrics.jsonl"
        for folder in (run.tensorboard, run.samples, run.checkpoints):
            assert folder.is_dir()
            assert folder.parent == run.path
        assert run.read_config() == config
    with RunFolder.open(run.path) as again:
        assert again.read_config() == config


def test_another_run_is_not_overwritten(tmp_path: Path) -> None:
    RunFolder.create(tmp_path, {"seed": 1}).close()
    with pytest.raises(RunFolderError, match=f"`impasto resume {tmp_path}`") as caught:
        RunFolder.create(tmp_path, {"seed": 2})
    assert "\n" not in str(caught.value)
    with RunFolder.open(tmp_path) as run:  # the refusal gave the lock back
        assert run.read_config() == {"seed": 1}


def test_a_folder_that_a_kill_left_without_config_is_no_run_yet(tmp_path: Path) -> None:
    with pytest.raises(TypeError):
        RunFolder.create(tmp_path, {"unwritable": object()})
    (tmp_path / "samples").mkdir()
    with pytest.raises(RunFolderError, match="holds no run"):
        RunFolder.open(tmp_path)
    RunFolder.create(tmp_path, {}).close()


def test_places_that_are_no_folder_are_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(RunFolderError, match=f"{path} is not a folder"):
            RunFolder.create(path, {})
    with pytest.raises(RunFolderError, match="holds no run"):
        RunFolder.open(tmp_path / "nowhere")


@pytest.mark.parametrize("text", ["{", "[1]", ""])
def test_a_broken_config_is_named(tmp_path: Path, text: str) -> None:
    with RunFolder.create(tmp_path, {}) as run:
        run.config.write_text(text)
        with pytest.raises(RunFolderError, match=r"config\.json can not be read"):
            run.read_config()


def test_two_drivers_can_not_write_one_run(tmp_path: Path) -> None:
    RunFolder.create(tmp_path, {}).close()
    driver = (
        "import sys, time\nfrom cluster.runs.folder import RunFolder\n"
        "run = RunFolder.open(sys.argv[1])\nprint('locked', flush=True)\ntime.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", driver, str(tmp_path)], stdout=subprocess.PIPE, text=True) as other:
        try:
            assert other.stdout is not None
            assert other.stdout.readline() == "locked\n"
            for attempt in (lambda: RunFolder.open(tmp_path), lambda: RunFolder.create(tmp_path, {})):
                with pytest.raises(RunFolderError, match=f"another driver, process {other.pid}:"):
                    attempt()
            RunFolder.open(tmp_path, write=False).close()  # reading is allowed meanwhile
        finally:
            other.kill()
    with RunFolder.open(tmp_path), pytest.raises(RunFolderError, match="another driver"):  # free after a SIGKILL
        RunFolder.open(tmp_path)  # in one process too


def fail_to_start(path: Path, make: str) -> None:
    """Start a run, make a folder in it, and fail."""
    with RunFolder.create(path, {}) as folder, folder.start():
        (folder.path / make).mkdir(parents=True)
        raise ZeroDivisionError


def test_a_start_that_fails_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError):
        fail_to_start(tmp_path / "new" / "run", "samples/seed-0")
    assert list(tmp_path.iterdir()) == [tmp_path / "new"]
    assert not list((tmp_path / "new").iterdir())


def test_a_start_that_fails_leaves_what_was_there_before(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(ZeroDivisionError):
        fail_to_start(tmp_path, "samples/seed-0")
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]
    RunFolder.create(tmp_path, {}).close()


@pytest.mark.parametrize("place", ["checkpoints/00000000", "members/01/checkpoints/00000100"])
def test_a_run_with_a_checkpoint_is_kept(place: str, tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError):
        fail_to_start(tmp_path / "run", place)
    assert (tmp_path / "run" / "config.json").is_file()


def test_pictures_of_a_run_on_read_only_storage_go_into_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = RunFolder.create(tmp_path / "run", {})
    folder.close()
    assert folder.picture_folder() == folder.samples
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    assert folder.picture_folder() == Path("run-samples")
    assert (tmp_path / "run-samples").is_dir()
