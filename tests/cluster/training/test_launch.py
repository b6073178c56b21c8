"""Starts that fail: nothing is left that takes the run's name, and the cause is on the terminal."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from cluster.errors import UserError
from cluster.runs.location import RunPlace
from cluster.training import launch
from cluster.training.ray_session import standard_error_to
from cluster.training.stopping import StopSignals
from tests.helpers.tiny_run import tiny_settings


class Trainer:
    """A trainer that ends as it is told."""

    cpus = 1
    introduction = ""

    def __init__(self, settings: Any, error: BaseException) -> None:
        self.settings, self.error = settings, error
        self.inboxes: list[Any] = []
        self.mirror: Any = None
        self.stop = StopSignals()

    def run(self, folder: Any, checkpoint: Any) -> Any:
        raise self.error


@pytest.mark.parametrize("error", [UserError("no Redis"), RuntimeError("no GPU"), KeyboardInterrupt()])
def test_a_failed_start_leaves_the_name_free(
    error: BaseException, images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(launch, "start_ray", lambda address, cpus: None)
    monkeypatch.setattr(launch.ray, "shutdown", lambda: None)
    monkeypatch.setenv("IMPASTO_RUNS", str(tmp_path / "runs"))
    settings = tiny_settings(images)
    for _ in range(2):
        place = RunPlace.find(f"file://{tmp_path}/shared/run")
        launch.check_free(place, "run")
        with pytest.raises(type(error)):
            launch.start(Trainer(settings, error), place)  # type: ignore[arg-type]
        assert not (tmp_path / "runs" / "run").exists()
        assert not (tmp_path / "shared" / "run" / "config.json").exists()


def test_the_last_lines_of_the_log_are_shown_with_an_unexpected_error(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    log = tmp_path / "ray.log"
    log.write_text("of an earlier start\n")

    def start() -> None:
        with standard_error_to(log):
            os.write(2, b"raylet: out of file descriptors\n")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        start()
    assert log.read_text() == "of an earlier start\nraylet: out of file descriptors\n"
    assert capfd.readouterr().err == "raylet: out of file descriptors\n"


def test_the_next_command_can_be_pasted(
    images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "a run; with signs"
    path.mkdir()
    (path / "config.json").write_text("{}")
    with pytest.raises(UserError) as caught:
        launch.check_free(RunPlace(path), str(path))
    assert f"`impasto resume '{path}'`" in str(caught.value)
