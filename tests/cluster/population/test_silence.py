"""Members that are not heard of: told of once, then ended. No Ray."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from cluster.population import silence
from tests.cluster.population.records import born, kinds, opened


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    return now


@pytest.fixture
def ended(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    handles: list[Any] = []
    monkeypatch.setattr(silence.ray, "kill", handles.append)
    return handles


def test_a_silent_member_is_told_of_once_and_then_ended(tmp_path: Path, clock: list[float], ended: list[Any]) -> None:
    with opened(tmp_path / "lineage.jsonl") as ledger:
        born(ledger)
        clock[0] += 1000.0
        ledger.notice_silence()
        assert "silence" not in kinds(ledger), "they have not begun to train"
        for member in range(3):
            ledger.requests(member, 10, f"handle {member}")
        clock[0] += 61.0
        ledger.requests(0, 20, "handle 0")
        ledger.saved(2, {"checkpoint": "c", "checkpoint_sha256": "s", "branch": 2, "env_steps": 10, "values": {}})
        ledger.notice_silence()
        ledger.notice_silence()
        (told,) = (event for event in ledger.file.events if event["event"] == "silence")
        assert (told["member"], told["ended"], told["reason"]) == (1, False, "no word from it for 61 s")
        assert not ended
        clock[0] += 240.0
        ledger.requests(0, 30)
        ledger.requests(2, 30)
        ledger.notice_silence()
        ledger.notice_silence()
        assert ended == ["handle 1"]
        last = ledger.file.events[-1]
        assert (last["event"], last["member"], last["ended"]) == ("silence", 1, True)


def test_nothing_is_expected_of_a_member_that_ended_or_begins_again(
    tmp_path: Path, clock: list[float], ended: list[Any]
) -> None:
    with opened(tmp_path / "lineage.jsonl") as ledger:
        born(ledger)
        for member in range(3):
            ledger.requests(member, 10, member)
        ledger.finished(0, 10, "interrupted")
        ledger.crashed(1, 10, "it broke")
        ledger.join(2, None, ticket="again")
        clock[0] += 1000.0
        ledger.notice_silence()
        assert "silence" not in kinds(ledger)
        assert not ended
