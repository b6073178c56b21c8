"""Checkpoints of an algorithm: made from learner groups, replay and counters, and restored to them."""

from __future__ import annotations

import contextlib
from abc import abstractmethod
from collections.abc import Iterator
from typing import Any

from ray.rllib.algorithms.algorithm import Algorithm
from ray.rllib.core.learner.learner_group import LearnerGroup

from cluster.errors import UserError
from cluster.metrics.prometheus import Telemetry
from cluster.replay.buffer import Replay
from cluster.replay.host import ReplayHost
from cluster.runs import checkpoints, manifests
from cluster.runs.checkpoints import Checkpoint
from cluster.training.clock import TrainingClock
from cluster.training.learner_state import export_learners, restore_learners


@contextlib.contextmanager
def reading(checkpoint: Checkpoint) -> Iterator[None]:
    """Say in one line that a checkpoint lacks something, or holds something else, that the block reads from it."""
    try:
        yield
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(f"the checkpoint of update {checkpoint.update} is not as it should be: {error}") from error


class CheckpointedAlgorithm(Algorithm):
    """An RLlib algorithm whose checkpoints are ours: safetensors and JSON with hashes, no pickle.

    Attributes:
        clock: Counts the training time, over all restarts.
        sampled_steps, trained_steps: Environment steps acted and learned from.
        policy_updates: Updates of the policy so far.
        epoch: Number of checkpoints that were restored.
        replay_host: The shared replay and, if it was started here, its Redis.
        telemetry: Passes metrics on to Ray.
    """

    #: Name of the replay's records in a checkpoint.
    records_name: str
    clock: TrainingClock
    sampled_steps: int
    trained_steps: int
    policy_updates: int
    epoch: int
    replay_host: ReplayHost
    telemetry: Telemetry

    @abstractmethod
    def publish(self) -> None:
        """Publish the weights that the learners hold now (at the start, and after a restore)."""

    @abstractmethod
    def collect(self, *, everything: bool = False) -> None:
        """Take in the results of the learners.

        Args:
            everything: Wait until no update is in flight.

        Raises:
            ReplayUnavailable: A learner found no Redis.
        """

    @abstractmethod
    def drain(self) -> None:
        """Wait for the updates in flight, also those that find no Redis, and submit none."""

    @property
    def settings(self) -> Any:
        """The run's settings, of the class that its kind has."""
        return self.config.settings  # type: ignore[union-attr]

    @property
    def learner_groups(self) -> dict[str, Any]:
        """Learner groups of a checkpoint, by name."""
        return {"policy": self.policy_group}

    @property
    def own_learner_groups(self) -> dict[str, Any]:
        """Learner groups that belong to this run alone, by name."""
        return self.learner_groups

    @property
    def owns_replay(self) -> bool:
        """True if the replay belongs to this run alone."""
        return True

    @property
    def replay(self) -> Replay:
        """The driver's handle of the shared replay."""
        return self.replay_host.replay

    @property
    def policy_group(self) -> LearnerGroup:
        """The policy's learner group."""
        assert self.learner_group is not None
        return self.learner_group

    @property
    def trained_seconds(self) -> float:
        """Wall seconds of training so far, over all restarts."""
        return self.clock.seconds

    @trained_seconds.setter
    def trained_seconds(self, seconds: float) -> None:
        self.clock.seconds = seconds

    def make_checkpoint(self, *, replay: bool = True) -> Checkpoint:
        """Return everything that a later process needs to go on: learners, replay, counters.

        Args:
            replay: With the replay's records; without, its ring is empty, to be filled again. A ring that other runs
                share is never part of a checkpoint.

        Raises:
            ReplayUnavailable: Redis is away. Without `replay` it is not asked.
        """
        if replay:
            self.collect(everything=True)
        else:
            self.drain()
        documents, tensors = export_learners(self.learner_groups)
        records, total = self.replay.dump() if replay and self.owns_replay else self.replay.empty()
        documents["counters"] |= {
            "trained_seconds": self.trained_seconds,
            "trained_steps": self.trained_steps,
            "replay_total": total,
            "restarts": self.config.restarts,  # type: ignore[union-attr]
        }
        return Checkpoint(
            update=self.policy_updates,
            tensors=tensors,
            arrays={"replay": {self.records_name: records}},
            documents=documents,
        )

    def restore_checkpoint(self, checkpoint: Checkpoint) -> None:
        """Go on from `checkpoint`: weights, optimizers, replay, counters.

        Raises:
            UserError: It lacks something; it can be a stranger's, or of another version.
        """
        self.collect(everything=True)
        self.epoch += 1  # what was sampled before is not this policy's
        with reading(checkpoint):
            restore_learners(self.own_learner_groups, checkpoint)
            counters = checkpoint.documents["counters"]
            self.policy_updates = int(counters["policy"]["updates"])
            self.trained_seconds = float(counters["trained_seconds"])
            self.trained_steps = self.sampled_steps = int(counters["trained_steps"])
            records = checkpoint.arrays["replay"][self.records_name]
            total = int(counters["replay_total"]) if len(records) else 0
        if len(records) and self.owns_replay:
            self.replay.load(records, total)
        with reading(checkpoint):
            self.restore_counters(counters, replay=len(records) > 0)
        self.telemetry.begin_at(self.lifetime_counters())
        self.publish()

    def restore_counters(self, counters: dict[str, Any], *, replay: bool) -> None:
        """Restore a subclass's own counters of a checkpoint; `replay`: its replay was restored too."""

    def lifetime_counters(self) -> dict[str, float]:
        """Return the metrics that only grow, by name."""
        return {"env_steps": self.trained_steps, "updates": self.policy_updates}

    def save_checkpoint(self, checkpoint_dir: str) -> None:
        """Write a checkpoint in our format (safetensors, JSON, hashes), not pickle; RLlib's and Tune's hook."""
        checkpoints.save(checkpoint_dir, self.make_checkpoint())

    def load_checkpoint(self, checkpoint_dir: str) -> None:  # type: ignore[override]
        """Go on from the newest intact checkpoint in a folder; RLlib's and Tune's hook.

        Raises:
            CheckpointDamaged: There is no intact checkpoint.
        """
        path, damaged = checkpoints.latest_good(checkpoint_dir)
        if path is None:
            raise manifests.CheckpointDamaged("; ".join(damaged) or f"no checkpoint in {checkpoint_dir}")
        self.restore_checkpoint(checkpoints.load(path))
