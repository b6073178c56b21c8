"""Populations as a user runs them, in processes of their own: they exploit, they survive, they are resumed."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from cluster import cli
from cluster.metrics.log import read_metrics
from cluster.population.folder import PopulationFolder
from cluster.population.hyperparameters import decay
from cluster.population.lineage.ancestry import Lineage, schedule, values_at
from cluster.population.lineage.events import Event, read_events
from cluster.population.member_config import own_settings
from cluster.runs import checkpoints, manifests
from tests.helpers.tiny_run import (
    SMALL_POPULATION,
    assert_catalogued,
    assert_gone,
    end,
    family,
    launch,
    options,
    running,
    wait_until,
)

pytestmark = pytest.mark.slow

START = 300.0  # seconds within which all members must train, on a busy machine
SMALL = SMALL_POPULATION | {"policy_warmup_updates": 10, "checkpoint_minutes": 0.03}
# SIGKILLs of the driver in the test of them; the table in the issue asks for 10.
KILLS = int(os.environ.get("IMPASTO_KILLS", "2"))


def events_of(run: Path, kind: str = "", member: int | None = None) -> list[Event]:
    return [
        event
        for event in read_events(run / "lineage.jsonl")
        if kind in ("", event["event"]) and member in (None, event["member"])
    ]


@contextmanager
def tuning(arguments: list[str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    driver = launch(arguments, log)
    try:
        yield driver
    finally:
        end(driver)


def finish(arguments: list[str], log: Path) -> str:
    """Run to the end; returns what was printed."""
    with tuning(arguments, log) as driver:
        assert driver.wait(2 * START) == 0, log.read_text()
    return log.read_text()


@pytest.fixture(scope="module")
def finished(images: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A population that ended by itself, and what it printed."""
    folder = tmp_path_factory.mktemp("population")
    run = folder / "run"
    given = options(**SMALL, steps=9000)
    return run, finish(["tune", str(images), "--run", str(run), *given], folder / "log")


def test_every_decision_is_carried_out_and_read_back(finished: tuple[Path, str]) -> None:
    run, output = finished
    _, settings = PopulationFolder(run).read_settings()
    events = events_of(run)
    decisions = [each for event in events_of(run, "comparison") for each in event["decisions"]]
    exploits, changes = events_of(run, "exploit"), events_of(run, "explore")
    assert exploits, output
    answered = {event["branch"] for event in exploits}
    refused = {(event["member"], event["comparison"]) for event in events_of(run, "skipped")}
    assert all(d["branch"] in answered or (d["member"], d["comparison"]) in refused for d in decisions)
    for exploit, change in zip(exploits, changes, strict=True):
        assert exploit["applied"] is True
        assert exploit["donor_score"] > exploit["score"]
        assert change["branch"] == exploit["branch"]
        for name, value in change["values"].items():
            assert change["applied"][name] == pytest.approx(value * change["decay"][name], rel=1e-6)
            assert change["decay"][name] <= 1.0
        # What the live optimizer used in the updates after it, as the learner itself reports.
        rows = [
            row
            for row in read_metrics(run / "members" / f"{change['member']:02d}" / "metrics.jsonl")
            if row.get("population/branch") == change["branch"] and row.get("policy/learning_rate") is not None
        ]
        if rows:  # none where the end came first
            base = own_settings(settings, change["member"])
            for name in ("policy_learning_rate", "entropy_cost"):
                used = rows[0][name.replace("policy_", "policy/") if "rate" in name else f"policy/{name}"]
                late = decay(base, name, rows[0]["progress"], 10**6)
                early = decay(base, name, exploit["env_steps"] / settings.system.steps, 10**6)
                assert late * change["values"][name] * 0.999 <= used <= early * change["values"][name] * 1.001
    assert min(event["seconds"] for event in exploits) < 3.0  # the least: tests may run on a machine that is full
    assert [event["n"] for event in events] == list(range(len(events)))
    assert events[-1]["event"] == "stop"
    assert events[-1]["reason"] == "finished"


def test_the_winner_is_evaluated_anew_and_members_have_a_best_checkpoint(finished: tuple[Path, str]) -> None:
    run, output = finished
    best = Lineage(events_of(run)).best
    (evaluation,) = events_of(run, "evaluation")
    assert best is not None
    assert (evaluation["member"], evaluation["checkpoint_sha256"]) == (best["member"], best["checkpoint_sha256"])
    assert evaluation["measures"]["pixel_fid"] > 0.0
    assert evaluation["episodes"] == 2  # as many as there are images to compare with
    assert (run / evaluation["sample"]).is_file()
    assert "evaluated anew, by 2 paintings of other noise: pixel FD" in output
    for member in (run / "members").iterdir():
        rows = [row for row in read_metrics(member / "metrics.jsonl") if "sample/score" in row]
        assert all(row["sample/score_error"] > 0.0 for row in rows)
        chosen = checkpoints.best(member / "checkpoints")
        assert chosen is not None
        assert manifests.read_manifest(chosen)["score"] >= max(row["sample/score"] for row in rows)


def test_members_share_a_discriminator_also_when_it_is_killed(images: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    given = options(**SMALL, steps=9000, share_discriminator=True)
    with tuning(["tune", str(images), "--run", str(run), *given], tmp_path / "log") as driver:
        wait_until(lambda: events_of(run, "comparison"), START, "a comparison")
        shared = next(each for each in family(driver.pid) if "SharedDiscriminator" in " ".join(each.cmdline()))
        shared.kill()
        assert driver.wait(2 * START) == 0, (tmp_path / "log").read_text()
    assert not events_of(run, "crash")
    assert [event["reason"] for event in events_of(run, "stop")] == ["finished"] * 3
    found, damaged = checkpoints.latest_good(run / "discriminator")
    assert found is not None, damaged
    updates = manifests.read_manifest(found)["update"]
    assert updates > max(row.get("updates", 0) for row in read_metrics(run / "members" / "00" / "metrics.jsonl")), (
        "of both"
    )


def test_members_write_catalogued_metrics(finished: tuple[Path, str]) -> None:
    run, _ = finished
    for member in (run / "members").iterdir():
        assert_catalogued(read_metrics(member / "metrics.jsonl"))


def test_members_are_compared_at_equal_steps(finished: tuple[Path, str]) -> None:
    run, _ = finished
    comparisons = events_of(run, "comparison")
    assert {event["env_steps"] for event in comparisons} == {2000, 4000, 6000, 8000, 9000}
    for event in comparisons:
        for each in event["standings"]:
            assert event["env_steps"] <= each["env_steps"] < event["env_steps"] + 2000
            assert each["episodes"] == 64
            assert (run / each["sample"]).is_file()
    matrices = [json.loads(line) for line in (run / "critics.jsonl").read_text().splitlines()]
    assert {row["comparison"] for row in matrices} == {event["comparison"] for event in comparisons}
    assert all(len(row["scores"]) == len(row["scores"][0]) == len(row["real"]) for row in matrices)


def test_the_terminal_says_what_happens(finished: tuple[Path, str]) -> None:
    run, output = finished
    assert "copies member" in output
    assert f"next: impasto lineage {run}" in output
    assert "Traceback" not in output
    assert "WARNING" not in output


def test_lineage_and_retrace(finished: tuple[Path, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run, _ = finished
    events = events_of(run)
    lineage = Lineage(events)
    standing = lineage.best
    assert standing is not None
    path = lineage.ancestry(standing["branch"])
    assert cli.main(["lineage", str(run), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [each["branch"] for each in told["ancestry"]] == [each.number for each in path]
    assert cli.main(["lineage", str(run)]) == 0
    assert f"best: member {standing['member']:02d}" in capsys.readouterr().out

    again = tmp_path / "again"
    finish(["retrace", str(run), "--run", str(again)], tmp_path / "log")
    _, settings = PopulationFolder(run).read_settings()
    rows = [row for row in read_metrics(again / "metrics.jsonl") if row.get("policy/entropy_cost") is not None]
    assert rows[-1]["env_steps"] >= settings.system.steps
    plan = schedule(path)
    for before, row in zip([{"env_steps": 0, "progress": 0.0}, *rows[:-1]], rows, strict=True):
        held = values_at(before["env_steps"], plan)["entropy_cost"]
        early, late = (decay(settings, "entropy_cost", each["progress"], 0) for each in (before, row))
        assert held * late * 0.97 <= row["policy/entropy_cost"] <= held * early * 1.03


def test_what_dies_in_one_member_does_not_stop_the_others(images: Path, tmp_path: Path) -> None:
    """SIGKILL to an actor, to a member's Redis, to a member's process (its learners), to the ledger."""
    run, log = tmp_path / "run", tmp_path / "log"
    with tuning(["tune", str(images), "--run", str(run), *options(**SMALL, steps=10**6)], log) as driver:

        def steps(member: int) -> int:
            metrics = run / "members" / f"{member:02d}" / "metrics.jsonl"
            rows = [row for row in read_metrics(metrics) if "env_steps" in row] if metrics.exists() else []
            return len(rows)  # rows and not steps, which go back in an exploit

        def train_on(members: list[int], what: str) -> None:
            assert driver.poll() is None, log.read_text()
            before = {member: steps(member) for member in members}
            wait_until(lambda: all(steps(each) > before[each] + 3 for each in members), START, what)

        def last(member: int, name: str) -> float:
            rows = read_metrics(run / "members" / f"{member:02d}" / "metrics.jsonl")
            return next((row[name] for row in reversed(rows) if name in row), 0)

        def process_of(member: int) -> psutil.Process:
            return psutil.Process(int((run / "members" / f"{member:02d}" / ".lock").read_text()))

        wait_until(lambda: driver.poll() is not None or (steps(0) > 2 and steps(1) > 2), START, "two members")
        train_on([0, 1], "the start")

        actor = next(each for each in family(driver.pid) if "PaintRunner" in " ".join(each.cmdline()))
        actor.kill()
        wait_until(lambda: last(0, "runners/restarts") + last(1, "runners/restarts") == 1, START, "another actor")
        train_on([0, 1], "training after the actor's death")

        redis = next(each for each in process_of(0).children() if "redis-server" in each.name())
        redis.kill()
        wait_until(lambda: last(0, "redis/restarts") == 1, START, "another Redis")
        train_on([0, 1], "training after Redis's death")
        assert not events_of(run, "restart")

        gone = process_of(1)
        gone.kill()
        train_on([0], "training of the other while one is dead")
        wait_until(lambda: events_of(run, "restart", 1), START, "the restart")
        assert events_of(run, "crash", 1)
        saved = [e for e in events_of(run, "checkpoint", 1) if e["n"] < events_of(run, "crash", 1)[0]["n"]]
        assert events_of(run, "restart", 1)[0]["env_steps"] >= saved[-1]["env_steps"]
        train_on([0, 1], "training after the member's death")
        assert not events_of(run, "crash", 0)

        ledger = next(each for each in family(driver.pid) if "ray::Ledger" in " ".join(each.cmdline()))
        ledger.kill()
        wait_until(lambda: [e for e in events_of(run, "restart") if e["member"] is None], START, "another ledger")
        compared = len(events_of(run, "comparison"))
        wait_until(lambda: len(events_of(run, "comparison")) > compared, START, "a comparison by the new ledger")

        processes = family(driver.pid)
        os.killpg(driver.pid, signal.SIGINT)
        assert driver.wait(120) == 0, log.read_text()
        assert_gone(processes)
    assert events_of(run)[-1]["reason"] == "interrupted"
    assert "SIGINT: ending with a checkpoint; press Ctrl-C again to end at once, without one" in log.read_text()
    assert f"next: impasto resume {run}" in log.read_text()


def test_sigkill_of_the_driver_and_resume(images: Path, tmp_path: Path) -> None:
    """At random moments, start-up included: no event is lost, and nobody falls behind its last checkpoint."""
    run, log = tmp_path / "run", tmp_path / "log"
    moments = random.Random(4)
    arguments = ["tune", str(images), "--run", str(run), *options(**SMALL, steps=10**6)]
    before = b""
    kills = 0
    while kills <= KILLS:
        known = before.count(b"\n")
        with tuning(arguments, log) as driver:

            def begun(known: int = known) -> bool:
                new = events_of(run)[known:] if (run / "lineage.jsonl").exists() else []
                here = {event["member"] for event in new if event["event"] in ("birth", "restart")}
                return {0, 1} <= here and any(event["event"] in ("checkpoint", "score") for event in new)

            early = kills not in (0, KILLS) and moments.random() < 0.25
            if early:
                time.sleep(moments.uniform(3, 40))
            else:
                wait_until(lambda driver=driver: driver.poll() is not None or begun(), START, "all members")
                time.sleep(moments.uniform(0, 15))
            if driver.poll() is not None and "did not start on this machine" in log.read_text():
                log.write_text("")  # a machine that is too busy is not our subject
                arguments = ["resume", str(run)]
                continue
            kills += 1
            assert driver.poll() is None, log.read_text()
            now = (run / "lineage.jsonl").read_bytes()
            assert now.startswith(before), "events were lost"
            for event in [json.loads(line) for line in now.splitlines()[known:] if line.endswith(b"}")]:
                if event["event"] == "restart" and event["member"] is not None:
                    assert_not_behind(before, event)
            if kills > KILLS:
                os.killpg(driver.pid, signal.SIGINT)
                assert driver.wait(120) == 0, log.read_text()
                break
            # Ray's two agents, who hold nothing, notice only after a minute.
            watched = [process for process in family(driver.pid) if not process.name().endswith("Agent")]
            driver.kill()
            driver.wait()
            if kills % 2:  # else the next driver begins while this one's processes still run
                wait_until(lambda watched=watched: not running(watched), 60, "the end of what the driver started")
            content = (run / "lineage.jsonl").read_bytes()
            assert content.startswith(now), "events were lost"
            before = content[: content.rfind(b"\n") + 1]
        arguments = ["resume", str(run)]
        count, when = len(before.splitlines()), " while starting" if early else ""
        print(f"kill {kills}{when}: {count} events", flush=True)
    events = events_of(run)
    assert [event["n"] for event in events] == list(range(len(events)))


def assert_not_behind(before: bytes, restart: Event) -> None:
    """A restart is at its member's last checkpoint, or at a newer one that the kill kept from being recorded."""
    earlier = [json.loads(line) for line in before.splitlines()]
    saved = [e for e in earlier if e["event"] == "checkpoint" and e["member"] == restart["member"]]
    if saved and saved[-1]["branch"] == restart["branch"]:
        assert restart["env_steps"] >= saved[-1]["env_steps"]
    elif saved:  # copied and saved, but killed before that was recorded: a decision tells
        decisions = [each for e in earlier if e["event"] == "comparison" for each in e["decisions"]]
        assert restart["branch"] in {each["branch"] for each in decisions if each["member"] == restart["member"]}
