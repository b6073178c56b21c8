"""A member whose Redis is away: what it was ordered is carried out later, its end costs the replay only. No Ray."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from cluster.population.member import Member
from cluster.replay.buffer import ReplayUnavailable


class Stub:
    """Stands for the algorithm, its replay host, and what a member does with them."""

    trained_steps, trained_seconds, policy_updates = 100, 5.0, 7

    def __init__(self) -> None:
        self.replay_host = self

    def keep_alive(self) -> None:
        raise ReplayUnavailable("no Redis at host:6379")

    def train(self) -> None:
        raise AssertionError("it must not train what it shall leave")


def member(requests: dict[str, Any], asked: list[Any]) -> Any:
    """A member that was set up, with a ledger that gives `requests`."""

    def ask(question: str, *arguments: Any) -> Any:
        asked.append((question, *arguments))
        return requests

    def write_checkpoint(checkpoint: dict[str, Any]) -> dict[str, Any]:
        return checkpoint

    made: Any = object.__new__(Member)
    made.algorithm, made.done, made.branch = Stub(), False, 0
    made.ask, made.write_checkpoint, made.handle = ask, write_checkpoint, "handle"
    made.checkpoint = lambda replay: {"replay": replay}
    return made


@pytest.mark.parametrize(("kept", "writes"), [((2, 7), 0), ((2, 6), 1), ((1, 7), 1)])
def test_a_member_that_has_just_saved_ends_without_another_checkpoint(kept: tuple[int, int], writes: int) -> None:
    asked: list[Any] = []
    ended = member({"stop": "time", "exploit": None}, asked)
    ended.branch, ended.kept = 2, kept
    ended.iterate()
    assert [question for question, *_ in asked].count("saved") == writes
    assert asked[-1] == ("finished", 100, "time")


@pytest.mark.parametrize("reason", ["interrupted", "time"])
def test_a_member_ends_without_redis(reason: str) -> None:
    asked: list[Any] = []
    ended = member({"stop": reason, "exploit": None}, asked)
    ended.iterate()
    assert asked == [("requests", 100, "handle"), ("saved", {"replay": False}), ("finished", 100, reason)]
    assert ended.done


def test_an_exploit_waits_for_redis() -> None:
    asked: list[Any] = []
    waiting = member({"stop": None, "exploit": {"branch": 3}}, asked)
    waiting.iterate()
    waiting.iterate()
    assert asked == [("requests", 100, "handle")] * 2
    assert not waiting.done


def test_a_member_that_is_slow_tells_the_ledger_that_it_lives() -> None:
    told: list[Any] = []
    slow = member({}, [])
    slow.number, slow.branch = 1, 0
    slow.ledger = SimpleNamespace(requests=SimpleNamespace(remote=lambda *given: told.append(given)))
    slow.writer = SimpleNamespace(write=lambda update, row: told.append(row["note"]))
    slow.algorithm.telemetry = SimpleNamespace(report=lambda row: None)
    slow.on_note("no progress for 40 s in measuring, copying or saving", 40.0)
    assert told == ["no progress for 40 s in measuring, copying or saving", (1, 100)]
    del slow.algorithm
    slow.on_note("no progress for 50 s in starting its actors and learners", 50.0)
    assert told[2:] == ["no progress for 50 s in starting its actors and learners"], "nothing is expected of it yet"
