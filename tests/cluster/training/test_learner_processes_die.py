"""Learners in processes of their own: what they raise, and what happens when they die."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest
import ray
import torch
from ray.exceptions import RayTaskError

from cluster.metrics.log import read_metrics
from cluster.painter.spiral import Spiral
from cluster.painter.trainer import PainterTrainer
from cluster.runs.folder import RunFolder
from cluster.training.learner import GroupLearner, export_state
from cluster.training.learner_client import LearnerClient, LearnerDied
from learners.optimization import NonFiniteLoss
from tests.helpers.live_run import actor_pids, build, kill, train_until
from tests.helpers.tiny_run import tiny_settings

pytestmark = pytest.mark.usefixtures("private_ray")


class FailingGroup:
    """A learner group whose process raises, or is gone."""

    is_remote = True

    def __init__(self, error: Exception | None) -> None:
        self.error = error

    def __len__(self) -> int:
        return 1

    def update(self, **order: Any) -> list[Any]:
        if self.error is not None:
            raise self.error
        return []


def test_a_link_unwraps_what_was_raised_in_a_learners_process() -> None:
    inside = NonFiniteLoss("policy update 7: loss nan, gradient norm 1")
    error = RayTaskError("update", "Traceback:\n a page of it", inside).as_instanceof_cause()
    link = LearnerClient(FailingGroup(error))  # type: ignore[arg-type]
    link.submit([])
    with pytest.raises(NonFiniteLoss, match=r"^policy update 7: loss nan, gradient norm 1$"):
        link.results(wait=True)
    link.close()


OUT_OF_MEMORY = torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB")
COLLECTIVE = RuntimeError("Detected mismatch.\nConnection closed by peer [127.0.0.1]:1234")


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (None, "a learner process died"),
        (ray.exceptions.RayActorError(), "a learner process died"),
        (RayTaskError("update", "a page", OUT_OF_MEMORY), "a learner failed: OutOfMemoryError: CUDA out of memory"),
        (RayTaskError("update", "a page", COLLECTIVE), "a learner failed: RuntimeError: Connection closed by peer"),
        (OUT_OF_MEMORY, "a learner failed: OutOfMemoryError"),
        (ray.exceptions.OutOfDiskError("disk"), "a learner failed: OutOfDiskError"),
    ],
)
def test_a_link_says_that_its_learner_died(error: Exception | None, message: str) -> None:
    link = LearnerClient(FailingGroup(error))  # type: ignore[arg-type]
    link.submit([])
    with pytest.raises(LearnerDied, match=message):
        link.results(wait=True)
    link.close()


@pytest.mark.parametrize(
    "error",
    [KeyError("adam"), RayTaskError("update", "a page", KeyError("adam")), RayTaskError("x", "", TypeError("adam"))],
)
def test_a_fault_of_the_program_is_no_death_of_a_process(error: Exception) -> None:
    link = LearnerClient(FailingGroup(error))  # type: ignore[arg-type]
    link.submit([])
    with pytest.raises((KeyError, TypeError), match="adam"):
        link.results(wait=True)
    link.close()


def pid_of(learner: GroupLearner) -> int:
    return os.getpid()


def weights_of(learner: GroupLearner) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in learner.network.state_dict().items()}


@pytest.mark.slow
def test_a_killed_learner_process_means_a_restart_from_the_last_checkpoint(
    images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = tiny_settings(images, minutes=0.2, checkpoint_minutes=0.02, policy_learners=1, discriminator_learners=1)
    kills: list[int] = []
    report = Spiral.report

    def deadly(self: Spiral) -> None:
        report(self)
        if not kills and self.trained_seconds > 4:
            kills.append(next(iter(self.discriminator_group.foreach_learner(pid_of))).get())
            os.kill(kills[0], signal.SIGKILL)

    monkeypatch.setattr(Spiral, "report", deadly)
    with RunFolder.create(tmp_path / "run", settings.to_json()) as folder:
        outcome = PainterTrainer(settings).run(folder)
    assert len(kills) == 1
    assert outcome.reason == "finished"
    rows = read_metrics(folder.metrics)
    (marker,) = [number for number, row in enumerate(rows) if row.get("event") == "resume"]
    before = [row for row in rows[:marker] if "progress" in row]
    assert rows[marker]["update"] > 0
    assert outcome.updates > rows[marker]["update"]
    assert before[-1]["elapsed_s"] > 4


@pytest.mark.slow
def test_two_policy_learners_stay_equal_also_when_one_loses_its_batch(images: Path) -> None:
    algorithm = build(tiny_settings(images, minutes=60, actors=2, policy_learners=2, discriminator_learners=1))
    try:
        train_until(algorithm, lambda latest: latest["updates"] > 4)
        algorithm.collect(everything=True)
        while {batch["actor"] for batch in algorithm.queue} != {1, 2}:
            algorithm.request_batches()
            algorithm.fetch_batches()
        before = algorithm.policy_updates
        kill(actor_pids(algorithm)[0])
        time.sleep(2.0)  # until Ray has freed what it owned
        train_until(algorithm, lambda latest: latest["batches/lost"] > 0)
        train_until(algorithm, lambda latest: latest["updates"] > before + 3)
        algorithm.collect(everything=True)
        first, second = (result.get() for result in algorithm.policy_group.foreach_learner(weights_of))
        assert first.keys() == second.keys()
        assert all(torch.equal(first[name], second[name]) for name in first)
        one, two = (result.get()["counters"] for result in algorithm.policy_group.foreach_learner(export_state))
        assert one == two, "scores are scaled alike too"
        batch = algorithm.settings.system.canvases * algorithm.settings.paint.num_actions
        assert algorithm.trained_steps == 2 * batch * algorithm.policy_updates
    finally:
        algorithm.stop()
