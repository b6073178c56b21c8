"""The record and the ledger: what is written, what a kill leaves, what a second ledger makes of it. No Ray."""

from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from cluster.population.branches import ancestry, best, branches, curve, schedule, values_at
from cluster.population.curves import compare, median_curve, ticks, write_svg
from cluster.population.events import EventFile, read_events
from cluster.population.ledger import Ledger
from cluster.population.settings import PopulationSettings
from cluster.run_folder import RunFolderError
from tests.cluster.tiny_run import REPOSITORY

SETTINGS = PopulationSettings(members=3, interval_steps=100, burn_in_steps=100)


@contextmanager
def opened(path: Path, **changes: Any) -> Iterator[Ledger]:
    ledger = Ledger(str(path), SETTINGS, **({"seed": 0, "steps": 400, "lock_seconds": 0.0} | changes))
    try:
        yield ledger
    finally:
        ledger.file.close()


def report(ledger: Ledger, member: int, number: int, score: float | None, **changes: Any) -> dict[str, Any]:
    """What a member says at a milestone."""
    known = ledger.state.members[member]
    return {
        "comparison": number,
        "milestone": 100 * number,
        "branch": known.branch,
        "env_steps": 100 * number + member,
        "score": score,
        "measures": {"pixel_frechet": 1.0},
        "episodes": 64,
        "checkpoint": f"members/{member:02d}/exchange/{number:06d}-update-{number}",
        "checkpoint_sha256": f"{member}-{number}-{known.branch}",
        "sample": "sheet.png",
        "values": known.values,
    } | changes


def scored(ledger: Ledger, number: int, scores: dict[int, float | None]) -> None:
    for member, score in scores.items():
        ledger.score(member, report(ledger, member, number, score))


def born(ledger: Ledger) -> None:
    for member in range(3):
        ledger.join(member, None)


def carry_out(ledger: Ledger, member: int) -> dict[str, Any]:
    """What a member says after its exploit."""
    known = ledger.state.members[member]
    order = ledger.orders(member, known.env_steps)["exploit"]
    donor = ledger.state.scores[order["comparison"]][order["donor"]]
    record = {
        "branch": order["branch"],
        "previous_branch": known.branch,
        "env_steps_before": known.env_steps,
        "env_steps": donor["env_steps"],
        "values_before": known.values,
        "seconds": 0.5,
        "applied": order["values"],
        "decay": dict.fromkeys(order["values"], 1.0),
    }
    ledger.exploited(member, record)
    return record


def kinds(ledger: Ledger) -> list[str]:
    return [event["event"] for event in ledger.file.events]


def test_a_generation(tmp_path: Path) -> None:
    with opened(tmp_path / "lineage.jsonl") as ledger:
        born(ledger)
        scored(ledger, 1, {0: -1.0, 1: -3.0})
        assert "comparison" not in kinds(ledger), "one is missing"
        scored(ledger, 1, {2: -2.0})
        assert kinds(ledger)[-3:] == ["comparison", "skipped", "skipped"]
        comparison = ledger.file.events[-3]
        assert [each["member"] for each in comparison["standings"]] == [0, 2, 1]
        assert comparison["decided"] == [0, 1, 2]
        (decision,) = comparison["decisions"]
        assert (decision["member"], decision["donor"], decision["branch"]) == (1, 0, 3)
        assert ledger.orders(0, 120)["exploit"] is None
        assert ledger.orders(1, 120)["exploit"] == decision
        record = carry_out(ledger, 1)
        exploit, change = ledger.file.events[-2:]
        assert (exploit["event"], change["event"]) == ("exploit", "explore")
        assert exploit["donor_score"] == -1.0
        assert exploit["score"] == -3.0
        assert exploit["episodes"] == exploit["donor_episodes"] == 64
        assert exploit["checkpoint_sha256"] == "0-1-0"
        assert exploit["values"] == change["values_before"] == ledger.state.births[0].values
        assert change["values"] == decision["values"] != change["values_before"]
        assert ledger.orders(1, 100)["exploit"] is None
        before = len(ledger.file.events)
        ledger.exploited(1, record)  # its answer was lost, it says so again
        assert len(ledger.file.events) == before


def test_nobody_waits_for_one_who_lags_and_it_is_decided_when_it_comes(tmp_path: Path) -> None:
    with opened(tmp_path / "lineage.jsonl") as ledger:
        born(ledger)
        scored(ledger, 1, {0: -1.0, 1: -2.0})
        scored(ledger, 2, {0: -1.0})  # a whole interval ahead of member 2
        first = next(event for event in ledger.file.events if event["event"] == "comparison")
        assert first["decided"] == [0, 1]
        scored(ledger, 1, {2: -5.0})
        second = [event for event in ledger.file.events if event["event"] == "comparison"][-1]
        assert second["comparison"] == 1
        assert second["decided"] == [2]
        assert [each["member"] for each in second["standings"]] == [0, 1, 2]
        assert second["decisions"][0]["donor"] == 0
        assert second["decisions"][0]["branch"] == first["decisions"][0]["branch"] + 1


def test_what_was_measured_beyond_the_donors_place_is_void_after_an_exploit(tmp_path: Path) -> None:
    with opened(tmp_path / "lineage.jsonl") as ledger:
        born(ledger)
        scored(ledger, 1, {0: -1.0, 1: -3.0})
        scored(ledger, 2, {1: -3.0})
        assert ledger.state.pending[1]["comparison"] == 1
        carry_out(ledger, 1)
        assert 1 not in ledger.state.scores[2]
        scored(ledger, 1, {2: -2.0})
        scored(ledger, 2, {0: -1.0, 2: -2.0})
        assert 2 not in ledger.state.decided
        scored(ledger, 2, {1: -1.5})
        assert ledger.state.decided[2] == {0, 1, 2}


def test_a_score_that_is_no_number_is_kept_as_null(tmp_path: Path) -> None:
    with opened(tmp_path / "lineage.jsonl") as ledger:
        born(ledger)
        scored(ledger, 1, {0: -1.0, 2: -2.0})
        ledger.score(
            1, report(ledger, 1, 1, math.nan, measures={"pixel_frechet": math.nan, "judge": math.inf, "l2": 2.0})
        )
        assert ledger.state.scores[1][1]["measures"] == {"pixel_frechet": None, "judge": None, "l2": 2.0}
        assert ledger.state.standings[-1]["member"] == 1
        assert ledger.state.standings[-1]["score"] is None
        assert ledger.state.pending[1]["donor"] == 0
    assert b"NaN" not in (tmp_path / "lineage.jsonl").read_bytes()


def test_a_second_ledger_goes_on_where_the_first_was_killed(tmp_path: Path) -> None:
    path = tmp_path / "lineage.jsonl"
    with opened(path) as ledger:
        born(ledger)
        scored(ledger, 1, {0: -1.0, 1: -3.0, 2: -2.0})
        scored(ledger, 2, {0: -1.0})
        order, elapsed = ledger.orders(1, 0)["exploit"], ledger.file.events[-1]["elapsed_s"]
        state = ledger.state
    with opened(path) as again:
        assert again.orders(1, 0)["exploit"] == order, "a decision that nobody carried out is carried out"
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
        assert ledger.file.events[-1]["values"] == ledger.state.births[1].values
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
            assert ledger.orders(1, 60)["exploit"] is None
            ledger.crashed(1, 60, "NonFiniteLoss: loss nan", diverged=True)
            ledger.join(1, None)
        order = ledger.orders(1, 60)["exploit"]
        assert order["donor"] == 1, "there is nobody to copy yet"
        assert order["checkpoint"] == "c"
        assert set(order["operations"].values()) == {"resample"}
        ledger.refused(1, "for this test")
        assert ledger.orders(1, 60)["exploit"] is None
        scored(ledger, 1, {0: -1.0, 1: -2.0, 2: -3.0})
        for _ in range(2):
            ledger.crashed(1, 160, "NonFiniteLoss: loss nan", diverged=True)
            ledger.join(1, None)
        assert ledger.orders(1, 60)["exploit"]["donor"] == 0


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


@pytest.mark.parametrize(
    ("reason", "decided"), [("finished", True), ("failed", True), ("time", True), ("interrupted", False)]
)
def test_the_end_decides_what_is_open(tmp_path: Path, reason: str, decided: bool) -> None:
    path = tmp_path / "lineage.jsonl"
    with opened(path) as ledger:
        born(ledger)
        scored(ledger, 1, {0: -1.0, 1: -3.0})
        ledger.close(reason)
        assert (1 in ledger.state.decided) == decided
        assert kinds(ledger)[-1] == "stop"
        ledger.file = EventFile(path)


def test_orders_to_stop(tmp_path: Path) -> None:
    with opened(tmp_path / "lineage.jsonl") as ledger:
        born(ledger)
        assert ledger.orders(0, 10)["stop"] is None
        ledger.request_stop("interrupted")
        assert ledger.orders(0, 10)["stop"] == "interrupted"
        ledger.finished(0, 20, "interrupted")
        ledger.finished(0, 20, "interrupted")
        assert kinds(ledger).count("stop") == 1
    with opened(tmp_path / "lineage.jsonl", minutes=1e-9) as ledger:
        assert ledger.orders(0, 10)["stop"] == "time"


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
        "import sys\nfrom cluster.population.events import EventFile\n"
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


def test_ancestry_and_schedule(tmp_path: Path) -> None:
    with opened(tmp_path / "lineage.jsonl") as ledger:
        born(ledger)
        scored(ledger, 1, {0: -1.0, 1: -3.0, 2: -2.0})
        carry_out(ledger, 1)  # branch 3 of member 1 forks off branch 0
        scored(ledger, 2, {1: -0.5, 0: -1.0, 2: -2.0})
        carry_out(ledger, 2)  # branch 4 of member 2 forks off branch 3
        scored(ledger, 3, {0: -1.0, 1: -0.5, 2: -0.25})
        events = ledger.file.events
        standing = best(events)
        assert standing is not None
        assert (standing["member"], standing["branch"]) == (2, 4)
        path = ancestry(events, 4)
        assert [(each.number, each.member, each.start) for each in path] == [(0, 0, 0), (3, 1, 100), (4, 2, 201)]
        plan = schedule(path)
        known = branches(events)
        assert [values for _, values in plan] == [known[number].values for number in (0, 3, 4)]
        assert values_at(0, plan) == values_at(99, plan) == known[0].values
        assert values_at(100, plan) == values_at(200, plan) == known[3].values
        assert values_at(10**9, plan) == known[4].values
        assert curve(events, path) == [(100, -1.0), (201, -0.5), (302, -0.25)]
    with pytest.raises(ValueError, match="no branch 9"):
        ancestry(events, 9)
    assert best([]) is None


def test_events_are_plain_json(tmp_path: Path) -> None:
    path = tmp_path / "lineage.jsonl"
    with opened(path) as ledger:
        born(ledger)
        scored(ledger, 1, {0: -1.0, 1: -3.0, 2: -2.0})
        carry_out(ledger, 1)
        ledger.close("finished")
        assert ledger.state.stopped == "finished"
        ledger.file = EventFile(path)
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    assert all({"n", "time", "elapsed_s", "event", "member"} <= set(row) for row in rows)
    assert all({"branch", "env_steps"} <= set(row) for row in rows if row["member"] is not None)


def test_a_population_against_another(tmp_path: Path) -> None:
    for name, worst in (("one", -3.0), ("other", -9.0)):
        with opened(tmp_path / name) as ledger:
            born(ledger)
            for number in (1, 2):
                scored(ledger, number, {0: -1.0 / number, 1: worst, 2: -2.0})
                if name == "one":
                    carry_out(ledger, 1)
    one, other = (read_events(tmp_path / name) for name in ("one", "other"))
    result = compare(one, other)
    assert (result["best"], result["median_of_others"], result["best_of_others"]) == (-0.5, -2.0, -0.5)
    assert result["env_steps"] == 200
    assert result["discarded_steps"] == 2
    assert median_curve(other) == [(100, -2.0), (200, -2.0)]
    write_svg(tmp_path / "curves.svg", one, other, "pixel")
    root = ElementTree.parse(tmp_path / "curves.svg").getroot()
    assert len(root.findall("{http://www.w3.org/2000/svg}polyline")) == 5
    with pytest.raises(ValueError, match="no comparison at the same steps"):
        compare(one, one[:3])


@pytest.mark.parametrize(("low", "high"), [(0.0, 1.0), (-192.0, -36.3), (0.0, 1_000_150.0), (-1.5, -1.31), (3.0, 97.0)])
def test_ticks_are_few_and_round(low: float, high: float) -> None:
    found = ticks(low, high)
    assert 3 <= len(found) <= 8
    assert low <= found[0] < found[-1] <= high
    step = found[1] - found[0]
    assert f"{step:.1e}"[0] in "125"
