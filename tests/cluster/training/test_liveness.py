"""Nothing that hangs stops a run in silence: actors, learners, gauges; and the clock that stands still meanwhile."""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path

import psutil
import pytest

from cluster.metrics import object_store
from cluster.metrics.object_store import ObjectStoreMeter
from cluster.painter.spiral import Spiral
from cluster.training.clock import TrainingClock
from cluster.training.learner_client import LearnerClient, LearnerDied
from cluster.training.stall_watch import STALL_SECONDS, StallWatch, silence
from tests.helpers.live_run import actor_pids, build, train_until
from tests.helpers.tiny_run import tiny_settings, wait_until


def test_a_gauge_that_hangs_keeps_nobody_waiting() -> None:
    asked, hang = threading.Event(), threading.Event()

    def ask() -> float:
        asked.set()
        hang.wait(60)
        return 0.5

    meter = ObjectStoreMeter(ask)
    assert asked.wait(60)
    assert meter.fill is None
    meter.close()
    hang.set()
    wait_until(lambda: meter.fill == 0.5, 60, "the late answer")


def test_a_gauge_that_fails_shows_nothing_and_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(object_store, "SECONDS_BETWEEN_QUESTIONS", 0.01)
    failing = threading.Event()

    def ask() -> float:
        if failing.is_set():
            raise RuntimeError("the raylet is gone")
        return 0.25

    meter = ObjectStoreMeter(ask)
    wait_until(lambda: meter.fill == 0.25, 60, "the first answer")
    failing.set()
    wait_until(lambda: meter.fill is None, 60, "the failure")
    failing.clear()
    wait_until(lambda: meter.fill is not None, 60, "the next answer")
    assert meter.fill == 0.25
    meter.close()


def test_time_without_an_update_is_no_training_time() -> None:
    now = [0.0]
    clock = TrainingClock(lambda: now[0])
    for second in range(20):
        now[0] += 1.0
        clock.tick(second)
    assert clock.seconds == 20
    for _ in range(600):  # nothing is learned for ten minutes
        now[0] += 1.0
        clock.tick(19)
    assert clock.seconds == 20 + clock.grace_seconds
    assert clock.idle == 600
    now[0] += 1.0
    clock.tick(20)
    assert clock.seconds == 21 + clock.grace_seconds
    assert clock.idle == 0


def test_pictures_and_waits_that_are_known_are_neither_training_nor_a_stall() -> None:
    now = [0.0]
    clock = TrainingClock(lambda: now[0])
    clock.tick(0)
    now[0] += 2.0
    clock.tick(0)
    now[0] += 40.0  # a picture
    clock.resume()
    assert (clock.seconds, clock.idle) == (2.0, 2.0)
    now[0] += 100.0  # no Redis
    clock.restart()
    assert (clock.seconds, clock.idle) == (2.0, 0.0)


def test_slow_updates_are_training_all_the_same() -> None:
    now = [0.0]
    clock = TrainingClock(lambda: now[0])
    for update in range(10):
        for _ in range(40):  # an update takes 40 s
            now[0] += 1.0
            clock.tick(update)
    assert clock.seconds > 0.9 * 400 - 40
    assert silence(clock.usual_gap) == 50.0, "still within a minute"
    assert silence(0.1) == STALL_SECONDS


def test_a_run_that_hangs_says_so_from_another_thread() -> None:
    notes: list[tuple[str, float]] = []
    watch = StallWatch(lambda note, seconds: notes.append((note, seconds)))
    try:
        with watch.watching("saving", lambda: "waiting for the policy's learner", limit=lambda: 0.1):
            wait_until(lambda: notes, 60, "the note")
            assert watch.note.startswith("no progress for ")
            assert watch.note.endswith(" s in saving: waiting for the policy's learner")
        wait_until(lambda: not watch.note, 60, "the note to go")
    finally:
        watch.close()


class SilentGroup:
    """A remote learner group that does not answer until it is let go."""

    is_remote = True

    def __init__(self) -> None:
        self.answered = threading.Event()

    def __len__(self) -> int:
        return 1

    def update(self, **order: object) -> list[dict[str, object]]:
        assert self.answered.wait(60)
        return [{"updates": 1}]


@pytest.mark.parametrize("wait", [True, False])
def test_a_learner_that_does_not_answer_counts_as_dead(wait: bool) -> None:
    group = SilentGroup()
    client = LearnerClient(group, patience=0.2)  # type: ignore[arg-type]
    client.submit([])

    def results() -> bool:
        return bool(client.results(wait=wait))

    with pytest.raises(LearnerDied, match="did not answer for"):
        wait_until(results, 60, "patience to end")
    group.answered.set()
    client.close()


@pytest.mark.usefixtures("private_ray")
def test_an_actor_that_hangs_is_replaced_and_the_others_go_on(images: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spiral: Spiral = build(tiny_settings(images, minutes=60, actors=2, max_lag=4))
    stopped: list[int] = []
    try:
        train_until(spiral, lambda latest: latest["updates"] > 4)
        spiral.pool.patience, spiral.pool.patience_answers = 15.0, 0.0
        stopped += actor_pids(spiral)[:1]
        os.kill(stopped[0], signal.SIGSTOP)
        begin = time.monotonic()
        train_until(spiral, lambda latest: latest["runners/hung"] == 1, 180)
        assert time.monotonic() - begin >= 10
        assert spiral.trained_seconds < 60
        updates = spiral.policy_updates
        train_until(spiral, lambda latest: latest["runners/healthy"] == 2 and latest["runners/restarts"] == 1, 240)
        train_until(spiral, lambda latest: latest["updates"] > updates + 4, 120)
        assert stopped[0] not in actor_pids(spiral)
    finally:
        for pid in stopped:
            if psutil.pid_exists(pid):
                os.kill(pid, signal.SIGKILL)
        spiral.stop()
