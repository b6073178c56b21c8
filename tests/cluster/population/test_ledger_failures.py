"""A population's record when processes crash, repeat themselves or are killed."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from cluster.population.ledger import Ledger
from cluster.population.lineage.events import EventFile, read_events
from cluster.runs.folder import RunFolderError
from tests.cluster.population.records import SETTINGS, born, carry_out, kinds, opened, report, scored
from tests.helpers.tiny_run import REPOSITORY


def test_a_second_ledger_goes_on_where_the_first_was_killed(tmp_path: Path) -> None:
    path = tmp_path / "lineage.jsonl"
    with opened(path) as ledger:
        born(ledger)
        scored(ledger, 1, {0: -1.0, 1: -3.0, 2: -2.0})
        scored(ledger, 2, {0: -1.0})
        decision, elapsed = ledger.requests(1, 0)["exploit"], ledger.file.events[-1]["elapsed_s"]
        state = ledger.state
    with opened(path) as again:
        assert again.requests(1, 0)["exploit"] == decision, "a decision that nobody carried out is carried out"
        assert again.state.scores == state.scores
        assert again.state.next_branch == state.next_branch
        assert again.elapsed_s >= elapsed > 0
        again.begin()
        for member in range(3):
            values = again.state.members[member].values
            back = {"branch": member, "values": values, "env_steps": 50, "checkpoint": "x", "checkpoint_sha256": "y"}
            answer = again.join(member, back)
            assert answer["restarts"] == 1
            assert answer["values"] == values
        assert kinds(again)[-5:] == ["restart"] * 5
        carry_out(again, 1)
        assert kinds(again)[-2:] == ["exploit", "explore"]
    assert [event["n"] for event in read_events(path)] == list(range(len(read_events(path))))


def test_members_go_on_while_only_the_ledger_is_restarted(tmp_path: Path) -> None:
    path = tmp_path / "lineage.jsonl"
    with opened(path) as ledger:
        born(ledger)
    with opened(path) as again:
        again.finished(0, 70, "interrupted")
        assert kinds(again)[-2:] == ["restart", "stop"]
        again.crashed(1, 70, "RuntimeError: for this test")
        again.join(1, None)
        assert again.state.members[1].last_crash == ""
        assert again.state.members[1].running


def test_a_process_that_ends_without_a_word_is_a_crash(tmp_path: Path) -> None:
    with opened(tmp_path / "lineage.jsonl") as ledger:
        born(ledger)
        ledger.join(1, None)
        assert kinds(ledger)[-2:] == ["crash", "restart"]
        assert ledger.file.events[-1]["values"] == ledger.founder(1).values
        ledger.crashed(2, 70, "LearnerDied: a learner process died")
        assert ledger.join(2, None)["restarts"] == 1
        assert kinds(ledger)[-2:] == ["crash", "restart"]
        assert ledger.file.events[-1]["reason"] == "LearnerDied: a learner process died"


def test_a_branch_that_diverges_again_and_again_is_given_up(tmp_path: Path) -> None:
    with opened(tmp_path / "lineage.jsonl") as ledger:
        born(ledger)
        saved = {"branch": 1, "env_steps": 0, "update": 0, "checkpoint": "c", "checkpoint_sha256": "h", "values": {}}
        ledger.saved(1, saved)
        for _ in range(2):
            assert ledger.requests(1, 60)["exploit"] is None
            ledger.crashed(1, 60, "NonFiniteLoss: loss nan", diverged=True)
            ledger.join(1, None)
        decision = ledger.requests(1, 60)["exploit"]
        assert decision["donor"] == 1, "there is nobody to copy yet"
        assert decision["checkpoint"] == "c"
        assert set(decision["operations"].values()) == {"resample"}
        ledger.refused(1, "for this test")
        assert ledger.requests(1, 60)["exploit"] is None
        scored(ledger, 1, {0: -1.0, 1: -2.0, 2: -3.0})
        for _ in range(2):
            ledger.crashed(1, 160, "NonFiniteLoss: loss nan", diverged=True)
            ledger.join(1, None)
        assert ledger.requests(1, 60)["exploit"]["donor"] == 0


def test_a_call_that_is_repeated_writes_nothing_twice(tmp_path: Path) -> None:
    path = tmp_path / "lineage.jsonl"
    with opened(path) as ledger:
        answers = [ledger.join(member, None, ticket=f"birth {member}") for member in range(3)]
    with opened(path) as again:  # the first died after it had written and before it had answered
        assert again.join(2, None, ticket="birth 2") == answers[2]
        again.crashed(1, 70, "NonFiniteLoss: loss nan", diverged=True, ticket="a")
    with opened(path) as again:
        again.crashed(1, 70, "NonFiniteLoss: loss nan", diverged=True, ticket="a")
        assert again.state.members[1].divergences == again.state.members[1].crashes == 1
        restarted = again.join(1, None, ticket="b")
        assert restarted["restarts"] == 1
    with opened(path) as again:
        assert again.join(1, None, ticket="b") == restarted
        again.begin("c")
        again.begin("c")
        assert [kind for kind in kinds(again) if kind != "restart"] == ["birth"] * 3 + ["crash"]
        assert [event["member"] for event in again.file.events if event["event"] == "restart"] == [None] * 2 + [
            1,
            None,
            None,
        ]


def test_a_score_that_was_written_and_not_settled_is_settled_when_it_comes_again(tmp_path: Path) -> None:
    path = tmp_path / "lineage.jsonl"
    with opened(path) as ledger:
        born(ledger)
        scored(ledger, 1, {0: -1.0, 1: -3.0})
        last = report(ledger, 2, 1, -2.0)
        ledger.write({"event": "score", "member": 2, **last})
    with opened(path) as again:
        again.score(2, last)
        assert kinds(again).count("score") == 3
        assert again.state.decided[1] == {0, 1, 2}


def crash(ledger: Ledger, member: int, times: int) -> None:
    """A member that crashes again and again, and is started again in between."""
    for time_ in range(times):
        if time_:
            ledger.join(member, None)
        ledger.crashed(member, 70, "RuntimeError: for this test")


def test_nobody_waits_for_one_who_was_given_up(tmp_path: Path) -> None:
    most = SETTINGS.member_failures
    with opened(tmp_path / "lineage.jsonl") as ledger:
        born(ledger)
        crash(ledger, 2, most)
        scored(ledger, 1, {0: -1.0, 1: -3.0})
        assert 1 not in ledger.state.decided, "it comes back"
        ledger.join(2, None)
        ledger.crashed(2, 70, "RuntimeError: once more")
        assert ledger.state.decided[1] == {0, 1}
        assert ledger.state.pending[1]["donor"] == 0
        carry_out(ledger, 1)
        scored(ledger, 2, {0: -1.0, 1: -3.0})
        assert ledger.state.decided[2] == {0, 1}
        ledger.begin("resumed")
        for member in range(3):
            ledger.join(member, None)
        scored(ledger, 3, {0: -1.0, 1: -3.0})
        assert 3 not in ledger.state.decided, "a resume gives it another chance"
        scored(ledger, 1, {2: -2.0})
        assert ledger.state.decided[1] == {0, 1, 2}


def test_half_a_line_at_the_end_is_no_event(tmp_path: Path) -> None:
    path = tmp_path / "lineage.jsonl"
    with opened(path) as ledger:
        born(ledger)
        whole = path.read_bytes()
    path.write_bytes(whole + b'{"n": 3, "event": "che')
    assert len(read_events(path)) == 3
    with opened(path) as ledger:
        assert path.read_bytes().startswith(whole)
        assert kinds(ledger) == ["birth"] * 3 + ["restart"]


def test_a_missing_line_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "lineage.jsonl"
    with opened(path) as ledger:
        born(ledger)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(lines[0] + lines[2])
    with pytest.raises(ValueError, match="line 2: expected event 1"):
        read_events(path)


def test_one_process_at_a_time_writes_the_record(tmp_path: Path) -> None:
    path = tmp_path / "lineage.jsonl"
    with opened(path), pytest.raises(RunFolderError, match="is open in another process"):
        EventFile(path, lock_seconds=0.3)
    EventFile(path, lock_seconds=0.0).close()


def test_every_event_that_was_acknowledged_survives_sigkill(tmp_path: Path) -> None:
    path = tmp_path / "lineage.jsonl"
    code = (
        "import sys\nfrom cluster.population.lineage.events import EventFile\n"
        "file = EventFile(sys.argv[1])\n"
        "for number in range(10**6):\n"
        "    file.append({'event': 'checkpoint', 'elapsed_s': 0.0, 'text': 'x' * 3000})\n"
        "    print(number, flush=True)\n"
    )
    command = [sys.executable, "-c", code, str(path)]
    with subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        for _ in range(5):
            process.stdout.readline()
        time.sleep(0.2)
        os.kill(process.pid, signal.SIGKILL)
        acknowledged = [5, *(int(line) + 1 for line in process.stdout.read().split(b"\n")[:-1])][-1]
    file = EventFile(path)
    assert len(file.events) >= acknowledged >= 5
    file.append({"event": "checkpoint", "elapsed_s": 0.0})
    file.close()
    assert read_events(path)[-1]["n"] == len(file.events) - 1


def test_where_nobody_copies_there_is_no_rescue_either(tmp_path: Path) -> None:
    with opened(tmp_path / "lineage.jsonl", population=replace(SETTINGS, exploit="none")) as ledger:
        born(ledger)
        scored(ledger, 1, {0: -1.0, 1: -3.0, 2: -2.0})
        for _ in range(3):
            ledger.crashed(1, 160, "NonFiniteLoss: loss nan", diverged=True)
            ledger.join(1, None)
        assert "rescue" not in kinds(ledger)
        assert 1 not in ledger.state.pending


@pytest.mark.parametrize("saved_at", [105, 40])
def test_one_who_goes_on_from_its_own_checkpoint(saved_at: int, tmp_path: Path) -> None:
    """What it was measured at before that checkpoint stays; what came after it is measured again."""
    with opened(tmp_path / "lineage.jsonl") as ledger:
        born(ledger)
        scored(ledger, 1, {1: -3.0})
        ledger.saved(1, {"env_steps": saved_at, "checkpoint": "members/01/x", "checkpoint_sha256": "1-x"})
        for _ in range(2):
            ledger.crashed(1, 160, "NonFiniteLoss: loss nan", diverged=True)
        decision = ledger.state.pending[1]
        assert (decision["donor"], decision["comparison"]) == (1, 0)
        record = {
            "branch": decision["branch"],
            "previous_branch": 1,
            "env_steps_before": 160,
            "env_steps": saved_at,
            "values_before": decision["donor_values"],
            "seconds": 0.5,
            "applied": decision["values"],
            "decay": dict.fromkeys(decision["values"], 1.0),
        }
        ledger.exploited(1, record)
        scored(ledger, 1, {0: -1.0, 2: -2.0})
        found = [event for event in ledger.file.events if event["event"] == "comparison"]
        assert len(found) == (saved_at == 105)
        if not found:
            scored(ledger, 1, {1: -0.5})
            found = [event for event in ledger.file.events if event["event"] == "comparison"]
        standings = [each["member"] for each in found[0]["standings"]]
        assert standings == ([0, 2, 1] if saved_at == 105 else [1, 0, 2])


def test_a_full_disk_tears_no_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "lineage.jsonl"
    with opened(path) as ledger:
        ledger.join(0, None)
        real = os.write
        monkeypatch.setattr(os, "write", lambda descriptor, content: real(descriptor, content[:5]))
        ledger.join(1, None)  # in many small pieces
        sizes = iter([5])

        def full(descriptor: int, content: bytes) -> int:
            for size in sizes:
                return real(descriptor, content[:size])
            raise OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr(os, "write", full)
        before = path.read_bytes()
        with pytest.raises(OSError, match="No space left"):
            ledger.join(2, None)
        assert path.read_bytes() == before
        monkeypatch.undo()
        ledger.join(2, None)
    assert [event["event"] for event in read_events(path)] == kinds(ledger)
