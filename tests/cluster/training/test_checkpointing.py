"""A checkpoint that is not as it should be is the user's to read; a fault of the program is not called one."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from cluster.errors import UserError
from cluster.runs.checkpoints import Checkpoint
from cluster.training.checkpointing import CheckpointedAlgorithm

COUNTERS = {"policy": {"updates": 3}, "trained_seconds": 1.5, "trained_steps": 9, "replay_total": 2}
ARRAYS = {"replay": {"records": np.zeros(2)}}


class Restored(CheckpointedAlgorithm):
    """An algorithm without learners; `broken` is the part of it that has a fault."""

    records_name = "records"
    broken = ""

    @property
    def own_learner_groups(self) -> dict[str, Any]:
        return {}

    def fail(self, part: str) -> None:
        if part == self.broken:
            raise KeyError(part)

    def collect(self, *, everything: bool = False) -> None:
        self.fail("collect")

    def drain(self) -> None: ...

    def publish(self) -> None:
        self.fail("publish")


def restored(broken: str = "", **documents: Any) -> Restored:
    algorithm = object.__new__(Restored)  # it would start a run
    algorithm.broken, algorithm.epoch = broken, 0
    algorithm.clock = SimpleNamespace(seconds=0.0)  # type: ignore[assignment]
    algorithm.replay_host = SimpleNamespace(  # type: ignore[assignment]
        replay=SimpleNamespace(load=lambda records, total: algorithm.fail("replay"))
    )
    algorithm.telemetry = SimpleNamespace(begin_at=lambda counters: algorithm.fail("telemetry"))  # type: ignore[assignment]
    found = {"counters": COUNTERS, "optimizers": {}} | documents
    algorithm.restore_checkpoint(Checkpoint(3, arrays=ARRAYS, documents=found))
    return algorithm


def test_a_checkpoint_is_restored() -> None:
    algorithm = restored()
    assert (algorithm.policy_updates, algorithm.trained_seconds, algorithm.trained_steps) == (3, 1.5, 9)


@pytest.mark.parametrize("counters", [{}, [], None, COUNTERS | {"policy": 3}, COUNTERS | {"trained_steps": "many"}])
def test_a_checkpoint_that_is_not_as_it_should_be_is_one_line(counters: Any) -> None:
    with pytest.raises(UserError, match="the checkpoint of update 3 is not as it should be: "):
        restored(counters=counters)


@pytest.mark.parametrize("part", ["collect", "replay", "telemetry", "publish"])
def test_a_fault_of_the_program_is_not_the_checkpoints(part: str) -> None:
    with pytest.raises(KeyError, match=part):
        restored(part)
