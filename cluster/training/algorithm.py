"""Base of the project's algorithms: a second of training at a time, replay, checkpoints, and the end."""

from __future__ import annotations

import time
from abc import abstractmethod
from typing import Any

from ray.rllib.algorithms.algorithm_config import AlgorithmConfig
from ray.rllib.env.env_runner_group import EnvRunnerGroup
from ray.rllib.utils.metrics import NUM_ENV_STEPS_SAMPLED_LIFETIME, NUM_ENV_STEPS_TRAINED_LIFETIME

from cluster.metrics.aggregate import Meters
from cluster.metrics.object_store import ObjectStoreMeter
from cluster.metrics.prometheus import Telemetry
from cluster.replay.buffer import ReplayUnavailable
from cluster.training import resources
from cluster.training.checkpointing import CheckpointedAlgorithm
from cluster.training.clock import TrainingClock
from cluster.training.env_runner_pool import EnvRunnerPool
from cluster.training.learner_client import LearnerClient
from cluster.training.stall_watch import silence

ITERATION_SECONDS = 1.0
IDLE_SECONDS = 0.02
#: Seconds after which an answer that is owed is worth a word.
OWED_SECONDS = 5.0


class RunAlgorithm(CheckpointedAlgorithm):
    """An RLlib algorithm whose learners are `GroupLearner`s and whose actors share a replay.

    A subclass's `start` sets `replay_host` and `clients`; its `advance` does a bit of training. Its configuration is a
    `RunConfig`.

    Attributes:
        latest: Flat metrics of the last iteration.
        weights: Reference of the policy's newest published weights.
        clients: Clients of all learner groups.
        pool: The actors.
    """

    #: Name of the metrics in RLlib's result.
    result_key: str
    clients: list[LearnerClient]
    pool: EnvRunnerPool
    weights: Any

    def setup(self, config: AlgorithmConfig) -> None:  # type: ignore[override]
        """Start Redis, actors and learner groups; stop them all if one fails to start."""
        self.clock = TrainingClock()
        self.sampled_steps = self.trained_steps = self.policy_updates = self.epoch = 0
        self.latest: dict[str, Any] = {}
        self.meters = Meters()
        self.clients = []
        self.object_store = ObjectStoreMeter()
        try:
            self.start(config.copy(copy_frozen=False))
        except BaseException:
            self.cleanup()
            raise

    def start_rllib(self, config: AlgorithmConfig) -> None:
        """Do RLlib's own setup: start the actors and the policy's learner group."""
        self.config = config  # it reads it from there
        most = None
        if self.replay_host.server is not None:
            most = resources.stay_here(config, config.settings.system)  # type: ignore[attr-defined]
        super().setup(config)
        self.pool = self.make_pool(config)
        self.pool.most = most
        self.telemetry = Telemetry(config.run_name, config.member)  # type: ignore[attr-defined]

    def make_pool(self, config: Any) -> EnvRunnerPool:
        """Return the pool of actors; those of RLlib's group, unless a subclass makes others."""
        return EnvRunnerPool(self.runners, config.max_requests_in_flight_per_env_runner)

    @abstractmethod
    def start(self, config: Any) -> None:
        """Start everything, from a copy of the configuration that may be changed."""

    @abstractmethod
    def advance(self) -> None:
        """Train for some hundredths of a second."""

    @abstractmethod
    def report(self) -> None:
        """Write the iteration's metrics to `latest` and, by `log`, to RLlib."""

    def settle(self) -> None:
        """Wait for the updates in flight, and publish the weights that they lead to."""
        self.collect(everything=True)
        self.publish()

    def busy_actors(self) -> set[int]:
        """Numbers of the actors that hold data still to be learned from."""
        return set()

    @property
    def max_requests_in_flight(self) -> int | None:
        """Maximum number of sample requests in flight; None for no limit."""
        return None

    @property
    def runners(self) -> EnvRunnerGroup:
        """The actors, as RLlib holds them."""
        assert self.env_runner_group is not None
        return self.env_runner_group

    @property
    def progress_mark(self) -> Any:
        """Value that changes as the run makes progress."""
        return self.policy_updates

    @property
    def progress(self) -> float:
        """Share of the run that is over, in [0, 1], by time or by steps, whichever is further; 0 if neither ends it."""
        system = self.config.settings.system  # type: ignore[union-attr]
        by_steps = self.trained_steps / system.steps if system.steps else 0.0
        by_time = self.trained_seconds / (60 * system.minutes) if system.minutes else 0.0
        return float(min(1.0, max(by_steps, by_time)))

    def training_step(self) -> None:
        """Train for about a second. If Redis is away, `latest` holds only a `note` that says so."""
        try:
            self.clock.resume()
            end = time.monotonic() + ITERATION_SECONDS
            while time.monotonic() < end and self.progress < 1:
                self.replay_host.keep_alive()
                self.advance()
                self.clock.tick(self.progress_mark)
            self.pool.replace_hung()
            self.pool.dismiss(self.busy_actors())
            self.report()
        except ReplayUnavailable as error:
            self.latest = {"note": str(error)}
            self.pool.excuse()
            self.clock.restart()
            time.sleep(ITERATION_SECONDS)

    def waits_for(self) -> str:
        """Say in a line which parts of the system owe an answer; may be called by another thread."""
        waits = self.pool.owed(OWED_SECONDS)
        for name, client in self.clients_by_name.items():
            if client.waited > OWED_SECONDS:
                waits.append(f"the {name}'s learner for {client.waited:.0f} s")
        return "waiting for " + " and ".join(waits) if waits else "nothing that is known is waited for"

    @property
    def clients_by_name(self) -> dict[str, LearnerClient]:
        """Clients of the learner groups, by the groups' names."""
        return dict(zip(self.learner_groups, self.clients, strict=False))

    def base_metrics(self) -> dict[str, Any]:
        """Return the metrics of every algorithm: counters, the replay's fill, the health of actors and Redis."""
        return self.meters.summary() | {
            "updates": self.policy_updates,
            "env_steps": self.trained_steps,
            "sampled_steps": self.sampled_steps,
            "elapsed_s": self.trained_seconds,
            "progress": self.progress,
            "replay/fill": self.replay.fill,
            "in_flight": self.pool.in_flight,
            "runners/wanted": self.pool.wanted,
            "runners/healthy": self.runners.num_healthy_remote_env_runners(),
            "runners/restarts": self.pool.restarts,
            "runners/hung": self.pool.hung,
            "stalled_s": self.clock.idle if self.clock.idle > silence(self.clock.usual_gap) else 0.0,
            "redis/restarts": self.replay_host.restarts,
            "object_store/fill": self.object_store.fill,
        }

    def log(self) -> None:
        """Hand `latest` to Ray's metrics and to RLlib's logger."""
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
        return self.pool.revive()

    def cleanup(self) -> None:
        """Stop actors, learners and, last, the replay."""
        self.object_store.close()
        for client in self.clients:
            if not client.group.is_remote:  # its thread computes; a remote group's waits, perhaps for a dead process
                client.close()
        if hasattr(self, "pool"):
            self.pool.close()  # RLlib would wait for their good-byes, also for those of actors that hang
        super().cleanup()
        for client in self.clients:
            if client.group is not self.learner_group:  # RLlib knows of that one only
                client.group.shutdown()  # type: ignore[no-untyped-call]
        for client in self.clients:
            client.close()
        if hasattr(self, "replay_host"):
            self.replay_host.close()
