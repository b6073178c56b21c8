"""SPIRAL as an RLlib algorithm: actors paint, two learner groups learn, the driver carries references between them."""

from __future__ import annotations

import time
from collections import deque
from typing import Any

from ray.rllib.algorithms.algorithm import Algorithm
from ray.rllib.algorithms.algorithm_config import AlgorithmConfig
from ray.rllib.core.learner.learner_group import LearnerGroup
from ray.rllib.core.rl_module.rl_module import RLModuleSpec
from ray.rllib.env import INPUT_ENV_SPACES
from ray.rllib.env.env_runner_group import EnvRunnerGroup
from ray.rllib.utils.metrics import NUM_ENV_STEPS_SAMPLED_LIFETIME, NUM_ENV_STEPS_TRAINED_LIFETIME
from ray.tune import PlacementGroupFactory

from cluster import checkpoints
from cluster.algorithm_state import first_result, make_checkpoint, reset_settings, resource_request, restore_checkpoint
from cluster.checkpoints import Checkpoint
from cluster.config import SpiralConfig
from cluster.learner_groups import publish_weights
from cluster.learner_link import LearnerLink
from cluster.meters import Meters
from cluster.modules import DiscriminatorModule
from cluster.replay import ReplayUnavailable
from cluster.replay_host import ReplayHost

ITERATION_SECONDS = 1.0
IDLE_SECONDS = 0.02


class Spiral(Algorithm):
    """Ganin et al. 2018 on Ray.

    An iteration is a second of training: batches are fetched from actors as they come and consumed in order; each is
    followed by as many discriminator updates as configured. ``latest`` holds its metrics.

    Attributes:
        trained_seconds: wall seconds of training so far, over all restarts.
        sampled_steps, trained_steps: environment steps painted and learned from.
        policy_updates, discriminator_updates: updates so far.
        latest: flat metrics of the last iteration.
    """

    @classmethod
    def get_default_config(cls) -> SpiralConfig:
        """The laptop preset."""
        return SpiralConfig()

    @classmethod
    def default_resource_request(cls, config: Any) -> PlacementGroupFactory:
        """What a Tune trial of this takes: driver, actors, and the processes of both learner groups."""
        return resource_request(super().default_resource_request(config), config)

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        """Tune's hook: go on under other ``settings``; every process stays. False where that takes a new algorithm."""
        return reset_settings(self, new_config["settings"])

    def setup(self, config: AlgorithmConfig) -> None:  # type: ignore[override]
        """Start Redis, actors and the two learner groups; stop them all if one fails to start."""
        assert isinstance(config, SpiralConfig)
        try:
            self.start(config)
        except BaseException:
            self.cleanup()
            raise

    def start(self, config: SpiralConfig) -> None:
        """What :meth:`setup` does."""
        self.trained_seconds = 0.0
        self.sampled_steps = self.trained_steps = 0
        self.policy_updates = self.discriminator_updates = 0
        self.lost_batches = self.stale_batches = self.turn = self.epoch = 0
        self.latest: dict[str, Any] = {}
        self.meters = Meters()
        config = config.copy(copy_frozen=False)
        self.replay_host = ReplayHost(config.settings, config.replay)
        self.replay = self.replay_host.replay
        config.replay = self.replay_host.spec
        self.config = config  # RLlib's setup reads it from there
        super().setup(config)
        self.queue: deque[dict[str, Any]] = deque()
        observation_space, action_space = self.runners.get_spaces()[INPUT_ENV_SPACES]  # type: ignore[no-untyped-call]
        self.discriminator_group = self.spiral_config.discriminator_config().build_learner_group(
            rl_module_spec=RLModuleSpec(
                module_class=DiscriminatorModule,
                observation_space=observation_space,
                action_space=action_space,
                model_config={"settings": self.spiral_config.settings},
            )
        )
        self.policy_link = LearnerLink(self.policy_group, batches_per_learner=config.settings.system.batches_per_update)
        self.discriminator_link = LearnerLink(self.discriminator_group)
        self.refresh_weights()

    @property
    def spiral_config(self) -> SpiralConfig:
        """The configuration, by its type."""
        assert isinstance(self.config, SpiralConfig)
        return self.config

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

    def refresh_weights(self) -> None:
        """Publish the weights that the learners hold now (at the start, and after a restore)."""
        (self.weights,) = first_result(self.policy_group, publish_weights)
        self.weights_version = self.policy_updates
        self.judge = first_result(self.discriminator_group, publish_weights)
        self.judge_version = self.discriminator_updates
        self.discriminator_debt = 0.0

    def settle(self) -> None:
        """Let the updates on their way end, and publish the weights that they lead to."""
        self.collect(everything=True)
        self.refresh_weights()

    @property
    def progress(self) -> float:
        """Share of the run that is over, in [0, 1], by time or by steps, whichever is further."""
        system = self.spiral_config.settings.system
        by_steps = self.trained_steps / system.steps if system.steps else 0.0
        by_time = self.trained_seconds / (60 * system.minutes) if system.minutes else 0.0
        return min(1.0, max(by_steps, by_time))

    def training_step(self) -> None:
        """Train for about a second. Where Redis is away, ``latest`` holds a ``note`` that says so, and nothing else."""
        try:
            start = last = time.perf_counter()
            while last - start < ITERATION_SECONDS and self.progress < 1:
                self.replay_host.keep_alive()
                self.request_batches()
                self.fetch_batches()
                if len(self.queue) >= self.policy_link.width and self.policy_link.has_room:
                    self.learn([self.queue.popleft() for _ in range(self.policy_link.width)])
                self.collect()
                now = time.perf_counter()
                self.trained_seconds += now - last
                last = now
            self.report()
        except ReplayUnavailable as error:
            self.latest = {"note": str(error)}
            time.sleep(ITERATION_SECONDS)

    def request_batches(self) -> None:
        """Ask actors for batches while those on their way would not make the acting policy lag too far.

        What is asked for now is learned from after all that is painted, queued or in the learner already.
        """
        group, width = self.runners, self.policy_link.width
        on_their_way = group.num_in_flight_async_reqs("sample") + len(self.queue) + width * self.policy_link.outstanding
        actors = group.healthy_env_runner_ids()
        self.turn += 1  # begin with another one each time, so that all get work where not all are needed
        for place in range(len(actors)):
            actor = actors[(self.turn + place) % len(actors)]
            if on_their_way >= width * self.spiral_config.settings.system.max_lag:
                break
            on_their_way += group.foreach_env_runner_async(
                "sample_refs",
                tag="sample",
                kwargs={"weights": self.weights, "version": self.weights_version, "epoch": self.epoch},
                remote_worker_ids=[actor],
            )

    def fetch_batches(self) -> None:
        """Put what actors have finished into the queue, unless too much overtook it.

        Waits a moment for the first batch, or, with batches at hand, for room in the policy's learner: each turn of the
        driver's loop costs about a millisecond of Python, which the learners' threads want too.
        """
        waiting = len(self.queue) < self.policy_link.width
        with self.meters.time("wait"):
            if not waiting:
                self.policy_link.wait_for_room(IDLE_SECONDS)
            ready: Any = self.runners.fetch_ready_async_reqs(
                tags="sample", timeout_seconds=IDLE_SECONDS if waiting else 0.0
            )
        system, link = self.spiral_config.settings.system, self.policy_link
        for _, batch in ready:
            lag = self.policy_updates + link.outstanding + len(self.queue) // link.width - batch["version"]
            if batch["epoch"] == self.epoch and lag < 2 * system.max_lag + system.publish_interval:
                self.queue.append(batch)
            else:
                self.stale_batches += 1
            self.sampled_steps += batch["steps"]
            for activity, seconds in batch["seconds"].items():
                self.meters.seconds[activity] += seconds

    def learn(self, batches: list[dict[str, Any]]) -> None:
        """Send the batches of one update to the policy's learner."""
        judge, self.judge = self.judge, []
        updates = self.policy_updates + self.policy_link.outstanding + 1
        self.policy_link.submit(
            [reference for batch in batches for reference in batch["trajectory"]],
            progress=self.progress,
            judge=judge,
            judge_version=self.judge_version,
            publish=updates % self.spiral_config.settings.system.publish_interval == 0,
        )
        self.discriminator_debt += self.spiral_config.settings.discriminator.discriminator_updates

    def collect(self, *, everything: bool = False) -> None:
        """Order the discriminator updates that are due, and take in the results of both learners.

        The policy never gets further ahead of the discriminator than the updates that its link holds.
        """
        while self.discriminator_debt >= 1:
            if not self.discriminator_link.has_room:
                self.take_discriminator(self.discriminator_link.results(wait=True))
            self.discriminator_link.submit([])
            self.discriminator_debt -= 1
        self.take_discriminator(self.discriminator_link.results())
        self.take_policy(self.policy_link.results())
        while everything and (self.discriminator_link.outstanding or self.policy_link.outstanding):
            self.take_discriminator(self.discriminator_link.results(wait=True))
            self.take_policy(self.policy_link.results(wait=True))

    def take_discriminator(self, results: list[dict[str, Any]]) -> None:
        """Take in results of the discriminator's learner."""
        for result in results:
            self.meters.learner("discriminator", result)
            self.discriminator_updates = result["updates"]
            self.judge = result.get("weights", self.judge)
            self.judge_version = self.discriminator_updates
            if "unavailable" in result:
                raise ReplayUnavailable(result["unavailable"])

    def take_policy(self, results: list[dict[str, Any]]) -> None:
        """Take in results of the policy's learner."""
        for result in results:
            self.meters.learner("policy", result)
            self.policy_updates = result["updates"]
            if "steps" in result:
                steps = max(1, len(self.policy_group)) * result["steps"]
                self.trained_steps += steps
                self.meters.learned(steps)
            else:
                self.lost_batches += self.policy_link.width
            if "weights" in result:
                (self.weights,) = result["weights"]
                self.weights_version = self.policy_updates

    def report(self) -> None:
        """Write the iteration's metrics to ``latest`` and to RLlib's logger."""
        group = self.runners
        for activity, link in (("learn", self.policy_link), ("discriminate", self.discriminator_link)):
            self.meters.seconds[activity] += link.seconds
            link.seconds = 0.0
        self.latest = self.meters.summary() | {
            "updates": self.policy_updates,
            "discriminator/updates": self.discriminator_updates,
            "env_steps": self.trained_steps,
            "sampled_steps": self.sampled_steps,
            "elapsed_s": self.trained_seconds,
            "progress": self.progress,
            "replay/fill": self.replay.fill,
            "queue": len(self.queue),
            "in_flight": group.num_in_flight_async_reqs("sample"),
            "runners/healthy": group.num_healthy_remote_env_runners(),
            "runners/restarts": group.num_remote_worker_restarts(),
            "redis/restarts": self.replay_host.restarts,
            "batches/lost": self.lost_batches,
            "batches/stale": self.stale_batches,
        }
        assert self.metrics is not None
        self.metrics.log_value(NUM_ENV_STEPS_SAMPLED_LIFETIME, self.sampled_steps, reduce="max")
        self.metrics.log_value(NUM_ENV_STEPS_TRAINED_LIFETIME, self.trained_steps, reduce="max")
        self.metrics.log_dict(
            {name: value for name, value in self.latest.items() if isinstance(value, (int, float))},
            key="spiral",
            window=1,
        )

    def restore_env_runners(self, env_runner_group: EnvRunnerGroup) -> list[int]:
        """Bring dead actors back; they get their weights with the next request."""
        return list(env_runner_group.probe_unhealthy_env_runners() or [])

    def make_checkpoint(self) -> Checkpoint:
        """Everything that a later process needs to go on: both learners, the replay, the counters."""
        self.collect(everything=True)
        return make_checkpoint(self)

    def restore_checkpoint(self, checkpoint: Checkpoint) -> None:
        """Go on from ``checkpoint``: weights, optimisers, replay, counters."""
        self.collect(everything=True)
        self.queue.clear()
        self.epoch += 1  # what was painted before is not this policy's
        restore_checkpoint(self, checkpoint)
        self.refresh_weights()

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
        links = [link for name in ("policy_link", "discriminator_link") if (link := getattr(self, name, None))]
        for link in links:
            if not link.group.is_remote:  # its thread computes; a remote group's waits, perhaps for a dead process
                link.close()
        super().cleanup()
        if hasattr(self, "discriminator_group"):
            self.discriminator_group.shutdown()  # type: ignore[no-untyped-call]
        for link in links:
            link.close()
        if hasattr(self, "replay_host"):
            self.replay_host.close()
