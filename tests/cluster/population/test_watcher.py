"""The driver's side thread: which critic matrices are computed, and what is said where one can not be."""

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path
from typing import Any, cast

import pytest

from cluster.population.critic_matrix import CriticMatrix
from cluster.population.folder import PopulationFolder
from cluster.population.watcher import Watcher
from cluster.training.stopping import StopSignals
from tests.cluster.population.records import opened
from tests.helpers.tiny_run import tiny_settings


class Matrix:
    """Fails at comparison 2 as often as it is told to; comparison 3 has lost a checkpoint."""

    def __init__(self, failures: int) -> None:
        self.failures = failures
        self.taken: list[int] = []

    def take(self, event: dict[str, Any]) -> bool:
        if event["comparison"] == 2 and self.failures:
            self.failures -= 1
            raise RuntimeError("out of memory")
        self.taken.append(event["comparison"])
        return bool(event["comparison"] != 3)


def comparison(n: int, number: int) -> dict[str, Any]:
    common = {"n": n, "event": "comparison", "member": None, "elapsed_s": 1.0, "env_steps": 100, "fitness": "pixel"}
    return common | {"comparison": number, "standings": [{"member": 0, "score": -1.0}]}


def test_a_matrix_that_fails_holds_up_no_other_and_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("cluster.population.watcher.INTERVAL_SECONDS", 60.0)  # looks when the test says so
    place, matrix = PopulationFolder(tmp_path), Matrix(failures=1)
    place.lineage.touch()
    watcher = Watcher(place, cast(CriticMatrix, matrix), StopSignals(), lambda reason: None)
    place.lineage.write_text("".join(json.dumps(comparison(n, n + 1)) + "\n" for n in range(4)))
    watcher.read()
    assert matrix.taken == [1, 3, 4]
    watcher.read()
    assert matrix.taken == [1, 3, 4], "nothing new"
    watcher.close()
    assert matrix.taken == [1, 3, 4, 2]
    assert capsys.readouterr().err.splitlines() == [
        "warning: comparison 2: no critic matrix, not yet: out of memory",
        "warning: comparison 3: no critic matrix, a checkpoint is gone",
    ]


def test_an_end_waits_for_members_that_run_and_not_for_those_that_can_not_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("cluster.population.watcher.INTERVAL_SECONDS", 60.0)
    sent: list[int] = []
    monkeypatch.setattr(os, "kill", lambda pid, number: sent.append(number))
    stop = StopSignals()
    with opened(tmp_path / "lineage.jsonl") as ledger:
        watcher = Watcher(PopulationFolder(tmp_path), cast(CriticMatrix, Matrix(0)), stop, lambda reason: None)
        watcher.members = [0, 1]
        ledger.join(0, None)
        stop.number, stop.at = signal.SIGTERM, time.monotonic()
        watcher.say_who_is_late()
        assert not capsys.readouterr().err, "there is time"
        stop.seconds = 0.0
        watcher.say_who_is_late()
        watcher.say_who_is_late()
        assert capsys.readouterr().err == "waiting for member 00 to save; a second signal ends it without\n"
        ledger.finished(0, 10, "interrupted")
        watcher.noted = 0.0
        watcher.say_who_is_late()
        assert (sent, watcher.gave_up) == ([signal.SIGINT], True)
        watcher.close()


def test_a_comparison_that_grew_gets_a_matrix_again(images: Path, tmp_path: Path) -> None:
    place = PopulationFolder(tmp_path)
    place.critics.write_text(json.dumps({"comparison": 1, "members": [0, 1]}) + "\n")
    matrix = CriticMatrix(place, tiny_settings(images), 4)
    standings = [{"member": number, "checkpoint": f"gone-{number}", "score": 0.0} for number in range(3)]
    assert matrix.take({"comparison": 1, "standings": standings[:2]})
    assert not matrix.take({"comparison": 1, "standings": standings}), "it is not there, and a checkpoint is gone"
