"""Populations as a user runs them, in processes of their own: they survive, and they are resumed."""

from __future__ import annotations

import json
import os
import random
import signal
import time
from pathlib import Path

import psutil
import pytest

from cluster.metrics.log import read_metrics
from cluster.population.lineage.events import Event
from tests.cluster.population.driven import SMALL, START, events_of, tuning
from tests.helpers.tiny_run import assert_gone, family, options, running, wait_until

pytestmark = pytest.mark.slow

# SIGKILLs of the driver in the test of them; the table in the issue asks for 10.
KILLS = int(os.environ.get("IMPASTO_KILLS", "2"))


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
