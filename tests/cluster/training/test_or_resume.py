"""`--or-resume` begins a run or goes on with it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cluster import cli
from cluster.errors import UserError
from cluster.runs.folder import RunFolder
from cluster.runs.location import RunPlace
from cluster.training import launch
from tests.helpers.tiny_run import options, tiny_settings


def test_or_resume_finds_a_run_that_has_begun(images: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings = tiny_settings(images, actors=2)
    run = tmp_path / "run"
    assert launch.begun(str(run), settings) is None
    with pytest.raises(UserError, match="--or-resume: give --run"):
        launch.begun("", settings)
    RunFolder.create(run, settings.storable()).close()
    assert launch.begun(str(run), settings.replace(minutes=99.0, actors=1)) == RunPlace(run)
    assert not capsys.readouterr().err
    assert launch.begun(str(run), settings.replace(canvases=8)) == RunPlace(run)
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
