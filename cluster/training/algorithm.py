"""What every algorithm of ours does the same way: a second of training at a time, replay, checkpoints, end."""

from __future__ import annotations

import time
from abc import abstractmethod
from typing import Any

from ray.rllib.algorithms.algorithm import Algorithm
from ray.rllib.algorithms.algorithm_config import AlgorithmConfig
from ray.rllib.core.learner.learner_group import LearnerGroup
from ray.rllib.env.env_runner_group import EnvRunnerGroup
from ray.rllib.utils.metrics import NUM_ENV_STEPS_SAMPLED_LIFETIME, NUM_ENV_STEPS_TRAINED_LIFETIME

from cluster.metrics.aggregate import Meters
from cluster.metrics.object_store import ObjectStoreMeter
from cluster.metrics.prometheus import Telemetry
from cluster.replay.buffer import Replay, ReplayUnavailable
from cluster.replay.host import ReplayHost
from cluster.runs import checkpoints
from cluster.runs.checkpoints import Checkpoint
from cluster.training.env_runner_pool import Roster
from cluster.training.learner_client import LearnerLink

ITERATION_SECONDS = 1.0
IDLE_SECONDS = 0.02


class RunAlgorithm(Algorithm):
    """An RLlib algorithm whose learners are ours and whose actors share a replay.

    A subclass's :meth:`start` sets ``replay_host`` and ``links``; its :meth:`advance` does a bit of training. Its
    configuration has ``settings.system`` with the run's limits.

    Attributes:
        trained_seconds: wall seconds of training so far, over all restarts.
        sampled_steps, trained_steps: environment steps acted and learned from.
        policy_updates: updates of the policy so far.
        epoch: how often a checkpoint was taken back.
        latest: flat metrics of the last iteration.
        weights: a reference of the policy's newest published weights.
        replay_host: the shared replay and, where it is ours, its Redis.
        links: to every learner group.
        roster: which actors act.
    """

    #: RLlib's result holds our metrics under this name.
    result_key: str
    replay_host: ReplayHost
    links: list[LearnerLink]
    weights: Any

    def setup(self, config: AlgorithmConfig) -> None:  # type: ignore[override]
        """Start Redis, actors and learner groups; stop them all if one fails to start."""
        self.trained_seconds = 0.0
        self.sampled_steps = self.trained_steps = self.policy_updates = self.epoch = 0
        self.latest: dict[str, Any] = {}
        self.meters = Meters()
        self.object_store = ObjectStoreMeter()
        self.links = []
        try:
            self.start(config.copy(copy_frozen=False))
        except BaseException:
            self.cleanup()
            raise

    def start_rllib(self, config: AlgorithmConfig) -> None:
        """RLlib's own setup: the actors and the policy's learner group."""
        self.config = config  # it reads it from there
        super().setup(config)
        self.roster = Roster(self.runners)
        self.telemetry = Telemetry(config.run_name, config.member)  # type: ignore[attr-defined]

    @abstractmethod
    def start(self, config: Any) -> None:
        """Start everything, from a copy of the configuration that may be changed."""

    @abstractmethod
    def advance(self) -> None:
        """Do a bit of training: hundredths of a second."""

    @abstractmethod
    def report(self) -> None:
        """Write the iteration's metrics to ``latest`` and, by :meth:`log`, to RLlib."""

    @abstractmethod
    def settle(self) -> None:
        """Let the updates on their way end, and publish the weights that they lead to."""

    @abstractmethod
    def make_checkpoint(self, *, replay: bool = True) -> Checkpoint:
        """Everything that a later process needs to go on; without ``replay`` its ring is empty, to be filled again.

        Raises:
            ReplayUnavailable: Redis is away. Without ``replay`` it is not asked.
        """

    @abstractmethod
    def restore_checkpoint(self, checkpoint: Checkpoint) -> None:
        """Go on from ``checkpoint``."""

    def busy_actors(self) -> set[int]:
        """Actors that hold what is still to be learned from."""
        return set()

    @property
    def most_orders(self) -> int | None:
        """Orders to actors that can be on their way at a time; None: as many as there are actors for."""
        return None

    @property
    def replay(self) -> Replay:
        """The driver's end of the shared replay."""
        return self.replay_host.replay

    @property
    def runners(self) -> EnvRunnerGroup:
        """The actors."""
        assert self.env_runner_group is not None
        return self.env_runner_group

    @property
    def policy_group(self) -> LearnerGroup:
        """The policy's learner group."""
        assert self.learner_group is not None
        return self.learner_group

    @property
    def progress(self) -> float:
        """Share of the run that is over, in [0, 1], by time or by steps, whichever is further; 0 is no limit."""
        system = self.config.settings.system  # type: ignore[union-attr]
        by_steps = self.trained_steps / system.steps if system.steps else 0.0
        by_time = self.trained_seconds / (60 * system.minutes) if system.minutes else 0.0
        return float(min(1.0, max(by_steps, by_time)))

    def training_step(self) -> None:
        """Train for about a second. Where Redis is away, ``latest`` holds a ``note`` that says so, and nothing else."""
        try:
            start = last = time.perf_counter()
            while last - start < ITERATION_SECONDS and self.progress < 1:
                self.replay_host.keep_alive()
                self.advance()
                now = time.perf_counter()
                self.trained_seconds += now - last
                last = now
            self.roster.dismiss(self.busy_actors())
            self.report()
        except ReplayUnavailable as error:
            self.latest = {"note": str(error)}
            time.sleep(ITERATION_SECONDS)

    def base_metrics(self) -> dict[str, Any]:
        """What all report: counters, the replay's fill, the health of actors and Redis."""
        group = self.runners
        return self.meters.summary() | {
            "updates": self.policy_updates,
            "env_steps": self.trained_steps,
            "sampled_steps": self.sampled_steps,
            "elapsed_s": self.trained_seconds,
            "progress": self.progress,
            "replay/fill": self.replay.fill,
            "in_flight": group.num_in_flight_async_reqs("sample"),
            "runners/wanted": self.roster.wanted,
            "runners/healthy": group.num_healthy_remote_env_runners(),
            "runners/restarts": self.roster.restarts,
            "redis/restarts": self.replay_host.restarts,
            "object_store/fill": self.object_store.look(),
        }

    def log(self) -> None:
        """Hand ``latest`` to Ray's metrics and to RLlib's logger."""
        self.telemetry.report(self.latest)
        assert self.metrics is not None
        self.metrics.log_value(NUM_ENV_STEPS_SAMPLED_LIFETIME, self.sampled_steps, reduce="max")
        self.metrics.log_value(NUM_ENV_STEPS_TRAINED_LIFETIME, self.trained_steps, reduce="max")
        self.metrics.log_dict(
            {name: value for name, value in self.latest.items() if isinstance(value, (int, float))},
            key=self.result_key,
            window=1,
        )

    def restore_env_runners(self, env_runner_group: EnvRunnerGroup) -> list[int]:
        """Bring dead actors back; they get their weights with the next request."""
        return self.roster.revive()

    def save_checkpoint(self, checkpoint_dir: str) -> None:
        """RLlib's and Tune's hook; our format (safetensors, JSON, hashes), not pickle."""
        checkpoints.save(checkpoint_dir, self.make_checkpoint())

    def load_checkpoint(self, checkpoint_dir: str) -> None:  # type: ignore[override]
        """RLlib's and Tune's hook.

        Raises:
            CheckpointDamaged: no intact checkpoint there.
        """
        path, damaged = checkpoints.latest_good(checkpoint_dir)
        if path is None:
            raise checkpoints.CheckpointDamaged("; ".join(damaged) or f"no checkpoint in {checkpoint_dir}")
        self.restore_checkpoint(checkpoints.load(path))

    def cleanup(self) -> None:
        """Stop actors, learners and, last, the replay."""
        for link in self.links:
            if not link.group.is_remote:  # its thread computes; a remote group's waits, perhaps for a dead process
                link.close()
        super().cleanup()
        for link in self.links:
            if link.group is not self.learner_group:  # RLlib knows of that one only
                link.group.shutdown()  # type: ignore[no-untyped-call]
        for link in self.links:
            link.close()
        if hasattr(self, "replay_host"):
            self.replay_host.close()
