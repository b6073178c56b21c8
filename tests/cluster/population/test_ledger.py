"""The record and the ledger: what is written, what a kill leaves, what a second ledger makes of it. No Ray."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import pytest

from cluster.population.false_copies import margin
from cluster.population.lineage.events import EventFile
from tests.cluster.population.records import SETTINGS, born, carry_out, kinds, opened, report, scored


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
        assert ledger.requests(0, 120)["exploit"] is None
        assert ledger.requests(1, 120)["exploit"] == decision
        record = carry_out(ledger, 1)
        exploit, change = ledger.file.events[-2:]
        assert (exploit["event"], change["event"]) == ("exploit", "explore")
        assert exploit["donor_score"] == -1.0
        assert exploit["score"] == -3.0
        assert exploit["episodes"] == exploit["donor_episodes"] == 64
        assert exploit["checkpoint_sha256"] == "0-1-0"
        assert exploit["values"] == change["values_before"] == ledger.founder(0).values
        assert change["values"] == decision["values"] != change["values_before"]
        assert ledger.requests(1, 100)["exploit"] is None
        before = len(ledger.file.events)
        ledger.exploited(1, record)  # its answer was lost, it says so again
        assert len(ledger.file.events) == before


def test_a_difference_within_the_noise_copies_nobody(tmp_path: Path) -> None:
    for significance, copies in ((0.05, 0), (0.5, 1)):
        population = replace(SETTINGS, exploit_significance=significance)
        with opened(tmp_path / f"{significance}.jsonl", population) as ledger:
            born(ledger)
            for member, score in ((0, -20.0), (1, -26.0), (2, -21.0)):
                ledger.score(member, report(ledger, member, 1, score, score_error=2.4))
            (comparison,) = (event for event in ledger.file.events if event["event"] == "comparison")
            assert [each["score_error"] for each in comparison["standings"]] == [2.4] * 3
            assert comparison["judge_seed"] == 1
            assert len(comparison["decisions"]) == copies
            skipped = [e["reason"] for e in ledger.file.events if e["event"] == "skipped" and e["member"] == 1]
            noise = 2.4 * 2**0.5 * margin(0.05, 3, "truncation", 0.25)
            assert skipped == ([] if copies else [f"member 0 is not better by more than the noise, {noise:.3g}"])


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
        assert ledger.state.lineage.standings[-1]["member"] == 1
        assert ledger.state.lineage.standings[-1]["score"] is None
        assert ledger.state.pending[1]["donor"] == 0
    assert b"NaN" not in (tmp_path / "lineage.jsonl").read_bytes()


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
        assert ledger.requests(0, 10)["stop"] is None
        ledger.request_stop("interrupted")
        assert ledger.requests(0, 10)["stop"] == "interrupted"
        ledger.finished(0, 20, "interrupted")
        ledger.finished(0, 20, "interrupted")
        assert kinds(ledger).count("stop") == 1
    with opened(tmp_path / "lineage.jsonl", minutes=1e-9) as ledger:
        assert ledger.requests(0, 10)["stop"] == "time"


def test_events_are_plain_json(tmp_path: Path) -> None:
    path = tmp_path / "lineage.jsonl"
    with opened(path) as ledger:
        born(ledger)
        scored(ledger, 1, {0: -1.0, 1: -3.0, 2: -2.0})
        carry_out(ledger, 1)
        ledger.close("finished")
        assert ledger.state.lineage.stopped == "finished"
        ledger.file = EventFile(path)
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    assert all({"n", "time", "elapsed_s", "event", "member"} <= set(row) for row in rows)
    assert all({"branch", "env_steps"} <= set(row) for row in rows if row["member"] is not None)
