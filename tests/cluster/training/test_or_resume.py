"""`--or-resume` begins a run or goes on with it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cluster import cli
from cluster.errors import UserError
from cluster.runs import checkpoints
from cluster.runs.checkpoints import Checkpoint
from cluster.runs.folder import RunFolder
from cluster.runs.lease import Lease
from cluster.runs.location import RunPlace
from cluster.runs.remote import Mirror, RemoteFolder
from cluster.training import launch
from cluster.training.or_resume import begun, resume_begun
from tests.helpers.tiny_run import options, tiny_settings


def test_or_resume_finds_a_run_that_has_begun(
    images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = tiny_settings(images, actors=2)
    run = tmp_path / "run"
    monkeypatch.setattr(launch, "resume", lambda *_: 0)
    assert begun(str(run)) is None
    with pytest.raises(UserError, match="--or-resume: give --run"):
        begun("")
    RunFolder.create(run, settings.storable()).close()
    place = begun(str(run))
    assert place == RunPlace(run)
    assert resume_begun(place, settings.replace(minutes=99.0, actors=1), "") == 0
    assert not capsys.readouterr().err
    assert resume_begun(place, settings.replace(canvases=8), "") == 0
    assert "goes on with its own canvases, not with those given now" in capsys.readouterr().err


def test_or_resume_is_an_option_of_train(images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []

    def train(*_: object) -> int:
        calls.append("train")
        return 0

    def resume(place: RunPlace, address: str, changes: dict[str, Any]) -> int:
        calls.append(f"resume {place.path.name} {changes['minutes']:g}")
        return 0

    monkeypatch.setattr(launch, "train", train)
    monkeypatch.setattr(launch, "resume", resume)
    command = ["train", str(images), "--run", str(tmp_path / "run"), "--or-resume", *options(minutes=7)]
    assert cli.main(command) == 0
    RunFolder.create(tmp_path / "run", tiny_settings(images).storable()).close()
    assert cli.main(command) == 0
    assert calls == ["train", "resume run 7"]


@pytest.mark.parametrize("command", ["resume", "train"])
def test_a_resume_takes_the_last_checkpoint_of_a_driver_that_is_just_ending(
    command: str, images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The driver before writes its last checkpoint to shared storage while the next one waits for the lease."""
    monkeypatch.setenv("IMPASTO_RUNS", str(tmp_path / "here"))
    remote = RemoteFolder(f"file://{tmp_path}/shared/run")
    with RunFolder.create(tmp_path / "elsewhere", tiny_settings(images).storable()) as folder:
        mirror = Mirror(folder.path, remote, Lease.claim(remote))
        checkpoints.save(folder.checkpoints, Checkpoint(1))
        mirror.attempt()
        claim, resumed = Lease.claim, []

        def wait_and_claim(wanted: RemoteFolder, patience: float = 0.0) -> Lease:
            checkpoints.save(folder.checkpoints, Checkpoint(2))
            mirror.close()
            return claim(wanted, patience)

        def resume(place: RunPlace, *_: object) -> int:
            newest, _ = checkpoints.latest_good(place.path / "checkpoints")
            resumed.append((newest and newest.name, len(remote.files("lease"))))
            return 0

        monkeypatch.setattr(Lease, "claim", wait_and_claim)
        monkeypatch.setattr(launch, "resume", resume)
        given = ["resume", remote.uri] if command == "resume" else ["train", str(images), "--run", remote.uri]
        assert cli.main([*given, *(["--or-resume", *options()] if command == "train" else [])]) == 0
    assert resumed == [("000002-update-2", 1)]
    assert not remote.files("lease"), "it is given back"
