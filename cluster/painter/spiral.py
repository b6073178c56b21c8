"""SPIRAL as an RLlib algorithm: actors paint, two learner groups learn, the driver carries references between them."""

from __future__ import annotations

import contextlib
import time
from collections import deque
from typing import Any

import ray
from ray.rllib.core.learner.learner_group import LearnerGroup
from ray.rllib.env import INPUT_ENV_SPACES
from ray.tune import PlacementGroupFactory

from cluster.painter.algorithm_state import (
    first_result,
    make_checkpoint,
    reset_settings,
    resource_request,
    restore_checkpoint,
)
from cluster.painter.config import SpiralConfig
from cluster.painter.data import run_images
from cluster.painter.learners import publish_weights
from cluster.painter.shared_discriminator import SharedGroup, build_discriminator_group
from cluster.replay.buffer import ReplayUnavailable
from cluster.replay.host import ReplayHost
from cluster.runs.checkpoints import Checkpoint
from cluster.training.algorithm import IDLE_SECONDS, RunAlgorithm
from cluster.training.learner_client import LearnerLink

#: Where the discriminator pays nothing it learns after each how-many-th update of the policy, to be watched.
UNPAID_INTERVAL = 10


class Spiral(RunAlgorithm):
    """Ganin et al. 2018 on Ray.

    An iteration is a second of training: batches are fetched from actors as they come and consumed in order; each is
    followed by as many discriminator updates as configured. ``latest`` holds its metrics.

    Attributes:
        discriminator_updates: updates of the discriminator so far.
    """

    result_key = "spiral"

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

    def start(self, config: SpiralConfig) -> None:
        """Start Redis, actors and the two learner groups."""
        self.discriminator_updates = self.lost_batches = self.stale_batches = self.turn = 0
        settings = config.settings
        ring = config.replay if config.shared is None else config.shared.replay
        self.replay_host = ReplayHost(
            settings.system.redis, settings.record_shape, settings.system.replay_capacity, ring
        )
        config.replay = self.replay_host.spec
        self.start_rllib(config)
        # In the object store once a node, wherever that node's actors are.
        self.targets = ray.put(run_images(settings)) if settings.policy.conditional else None
        self.policy_link = LearnerLink(self.policy_group, batches_per_learner=settings.system.batches_per_update)
        self.links.append(self.policy_link)
        self.queue: deque[dict[str, Any]] = deque()
        self.used: dict[int, int] = {}  # by actor: the update that its newest batch goes into
        if config.shared is None:
            spaces = self.runners.get_spaces()[INPUT_ENV_SPACES]  # type: ignore[no-untyped-call]
            self.discriminator_group: Any = build_discriminator_group(self.spiral_config, *spaces)
        else:
            self.discriminator_group = SharedGroup(config.shared.actor)
        self.discriminator_link = LearnerLink(self.discriminator_group)
        self.links.append(self.discriminator_link)
        self.refresh_weights()

    @property
    def spiral_config(self) -> SpiralConfig:
        """The configuration, by its type."""
        assert isinstance(self.config, SpiralConfig)
        return self.config

    @property
    def shares_discriminator(self) -> bool:
        """Whether other runs push to the same ring and are paid by the same discriminator."""
        return self.spiral_config.shared is not None

    @property
    def own_learners(self) -> dict[str, LearnerGroup]:
        """Learner groups by name, without a discriminator that others use too."""
        own = {} if self.shares_discriminator else {"discriminator": self.discriminator_group}
        return {"policy": self.policy_group} | own

    def refresh_weights(self) -> None:
        """Publish the weights that the learners hold now (at the start, and after a restore)."""
        (self.weights,) = first_result(self.policy_group, publish_weights)
        self.weights_version = self.policy_updates
        self.judge = first_result(self.discriminator_group, publish_weights)
        self.judge_version = self.discriminator_updates
        self.discriminator_debt = 0

    def settle(self) -> None:
        """Let the updates on their way end, and publish the weights that they lead to."""
        self.collect(everything=True)
        self.refresh_weights()

    def advance(self) -> None:
        """Order, fetch, and learn from what is there."""
        self.request_batches()
        self.fetch_batches()
        if len(self.queue) >= self.policy_link.width and self.policy_link.has_room:
            self.learn([self.queue.popleft() for _ in range(self.policy_link.width)])
        self.collect()

    def busy_actors(self) -> set[int]:
        """Actors with batches in the queue, or in an update that has not ended."""
        return {batch["actor"] for batch in self.queue} | {
            actor for actor, update in self.used.items() if update > self.policy_updates
        }

    @property
    def most_orders(self) -> int:
        """Batches on their way, so that the acting policy does not lag by more than ``max_lag`` updates."""
        return self.policy_link.width * self.spiral_config.settings.system.max_lag

    def request_batches(self) -> None:
        """Ask actors for batches while those on their way would not make the acting policy lag too far.

        What is asked for now is learned from after all that is painted, queued or in the learner already.
        """
        group, width = self.runners, self.policy_link.width
        on_their_way = group.num_in_flight_async_reqs("sample") + len(self.queue) + width * self.policy_link.outstanding
        actors = self.roster.working
        self.turn += 1  # begin with another one each time, so that all get work where not all are needed
        for place in range(len(actors)):
            actor = actors[(self.turn + place) % len(actors)]
            if on_their_way >= self.most_orders:
                break
            on_their_way += group.foreach_env_runner_async(
                "sample_refs",
                tag="sample",
                kwargs={
                    "weights": self.weights,
                    "version": self.weights_version,
                    "epoch": self.epoch,
                    "targets": self.targets,
                },
                remote_worker_ids=[actor],
            )

    def fetch_batches(self) -> None:
        """Put what actors have finished into the queue, unless too much overtook it.

        Waits a moment for the first batch, or, with batches at hand or none ordered, for the policy's learner: each
        turn of the driver's loop costs about a millisecond of Python, which the learners' threads want too. (While the
        loop turned with nothing ordered, as it is with a ``max_lag`` of 1, the scene agent made 0.5 updates a second
        instead of 1.2, and a run beside it 800 steps instead of 1 060.)
        """
        waiting = len(self.queue) < self.policy_link.width
        with self.meters.time("wait"):
            if not waiting:
                self.policy_link.wait_for_room(IDLE_SECONDS)
            elif not self.runners.num_in_flight_async_reqs("sample"):
                if self.policy_link.outstanding:
                    self.policy_link.wait_for_result(IDLE_SECONDS)
                else:  # all actors are gone; they are brought back between iterations
                    time.sleep(IDLE_SECONDS)
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
            publish_interval=self.spiral_config.settings.system.publish_interval,
        )
        self.used |= {batch["actor"]: updates for batch in batches}
        settings = self.spiral_config.settings
        if settings.policy.reward_source != "l2" or updates % UNPAID_INTERVAL == 0:
            self.discriminator_debt += settings.discriminator.discriminator_updates

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
        for activity, link in (("learn", self.policy_link), ("discriminate", self.discriminator_link)):
            self.meters.seconds[activity] += link.seconds
            link.seconds = 0.0
        self.latest = self.base_metrics() | {
            "discriminator/updates": self.discriminator_updates,
            "queue": len(self.queue),
            "batches/lost": self.lost_batches,
            "batches/stale": self.stale_batches,
        }
        self.log()

    def make_checkpoint(self, *, replay: bool = True) -> Checkpoint:
        """Everything that a later process needs to go on: both learners, the replay, the counters."""
        if replay:
            self.collect(everything=True)
        else:
            self.drain()
        return make_checkpoint(self, replay=replay)

    def drain(self) -> None:
        """Let the updates on their way end, also those that find no Redis, and order none."""
        links = (self.discriminator_link, self.take_discriminator), (self.policy_link, self.take_policy)
        for link, take in links:
            while link.outstanding:
                with contextlib.suppress(ReplayUnavailable):
                    take(link.results(wait=True))

    def restore_checkpoint(self, checkpoint: Checkpoint) -> None:
        """Go on from ``checkpoint``: weights, optimisers, replay, counters."""
        self.collect(everything=True)
        self.queue.clear()
        self.epoch += 1  # what was painted before is not this policy's
        restore_checkpoint(self, checkpoint)
        self.telemetry.begin_at(
            {
                "env_steps": self.trained_steps,
                "updates": self.policy_updates,
                "discriminator/updates": self.discriminator_updates,
            }
        )
        self.refresh_weights()
