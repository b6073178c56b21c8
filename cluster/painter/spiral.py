"""SPIRAL as an RLlib algorithm: actors paint, two learner groups learn, the driver carries references between them."""

from __future__ import annotations

import contextlib
from typing import Any, ClassVar

import ray
from ray.rllib.core.learner.learner_group import LearnerGroup
from ray.rllib.core.rl_module.rl_module import RLModuleSpec
from ray.rllib.env import INPUT_ENV_SPACES
from ray.tune import PlacementGroupFactory

from cluster.painter.batch_queue import BatchQueue, search_keywords
from cluster.painter.data import run_targets
from cluster.painter.discriminator_client import Share, SharedDiscriminatorGroup
from cluster.painter.learners import DiscriminatorGroupLearner, PolicyGroupLearner
from cluster.painter.live_settings import adopt, can_change, with_settings
from cluster.painter.rl_modules import DiscriminatorModule, PolicyModule
from cluster.painter.served import ServedAlgorithm, runner_class
from cluster.painter.settings import PainterSettings, preset
from cluster.replay.buffer import Replay, ReplayUnavailable
from cluster.replay.connection import ACTOR_WAIT_SECONDS
from cluster.replay.host import ReplayHost
from cluster.training.config import RunConfig, with_learners
from cluster.training.learner import publish_weights
from cluster.training.learner_client import LearnerClient, first_result

#: Policy updates per discriminator update if the discriminator gives no reward and is trained for monitoring only.
MONITORING_INTERVAL = 10


class SpiralConfig(RunConfig[PainterSettings]):
    """Configuration of `Spiral`: every setting of `PainterSettings` by its bare name, beside RLlib's own.

    Example:
        >>> config = SpiralConfig().preset("laptop").training(entropy_cost=0.02, actors=2)
        >>> config.settings.policy.entropy_cost, config.num_env_runners
        (0.02, 2)

        `config.build_algo()` then is an ordinary RLlib algorithm; each `train()` is a second of training.

    Attributes:
        shared: Discriminator and ring that other runs use too; None if this run has its own.
    """

    renamed: ClassVar[dict[str, str]] = {
        "lr": "policy_learning_rate",
        "gamma": "discount",
        "grad_clip": "gradient_clip",
    }

    def __init__(self, algo_class: type | None = None) -> None:
        self.shared: Share | None = None
        super().__init__(algo_class or Spiral, preset("laptop"), "painter-00")

    def preset(self, name: Any, data: str = "mnist") -> SpiralConfig:
        """Start from a preset, `laptop`, `paper` or `search`."""
        return self.use(preset(name, data))

    def use(self, settings: PainterSettings) -> SpiralConfig:
        """Take all settings of a run, and lay out its actors and learner processes."""
        self.settings = settings
        self.lay_out(settings.system, runner_class(settings), settings.system.canvases)
        batch = (settings.system.canvases + settings.system.random_canvases) * settings.world.num_actions
        return self.training(train_batch_size_per_learner=batch)

    def get_default_rl_module_spec(self) -> RLModuleSpec:
        """Return the policy's module."""
        return RLModuleSpec(module_class=PolicyModule, model_config={"settings": self.settings})

    def get_default_learner_class(self) -> type:
        """Return the policy's learner."""
        return PolicyGroupLearner

    def sink(self) -> Replay | None:
        """Open the shared replay for an actor's final canvases; it waits some minutes for a Redis that is away."""
        return None if self.replay is None else Replay(self.replay, wait_s=ACTOR_WAIT_SECONDS)

    def build_discriminator_group(self, observation_space: Any, action_space: Any) -> LearnerGroup:
        """Build the learner group of the run's discriminator; `replay` must be known."""
        config = self.copy(copy_frozen=False).learners(
            num_learners=self.settings.system.discriminator_learners, learner_class=DiscriminatorGroupLearner
        )
        spec = RLModuleSpec(
            DiscriminatorModule, observation_space, action_space, model_config={"settings": self.settings}
        )
        return config.build_learner_group(rl_module_spec=spec)


class Spiral(ServedAlgorithm):
    """Ganin et al. 2018 on Ray.

    An iteration is a second of training: batches from actors are consumed in order, each followed by as many
    discriminator updates as configured. `latest` holds its metrics.

    Attributes:
        discriminator_updates: Updates of the discriminator so far.
        discriminator_weights: A list with a reference of weights that the policy's learner does not have, or empty.
    """

    result_key = "spiral"
    records_name = "canvases"

    @classmethod
    def get_default_config(cls) -> SpiralConfig:
        """Return the laptop preset."""
        return SpiralConfig()

    @classmethod
    def default_resource_request(cls, config: Any) -> PlacementGroupFactory:
        """Return the resources of a Tune trial: driver, actors, and the processes of both learner groups."""
        values = config if isinstance(config, dict) else config.to_dict()
        learners = values["settings"].system.discriminator_learners
        return with_learners(super().default_resource_request(config), values, learners)

    def reset_config(self, new_config: dict[str, Any]) -> bool:
        """Go on under other `settings`, every process stays; Tune's hook. False if that takes a new algorithm."""
        settings = new_config["settings"]
        if not can_change(self.settings, settings):
            return False
        self.collect(everything=True)
        self.config = with_settings(self.spiral_config, settings)
        adopt(self.own_learner_groups, settings, self.progress)
        return True

    def start(self, config: SpiralConfig) -> None:
        """Start Redis, actors and the two learner groups."""
        self.discriminator_updates = self.discriminator_debt = self.lost_batches = 0
        settings = config.settings
        ring, system = config.replay if config.shared is None else config.shared.replay, settings.system
        self.replay_host = ReplayHost(system.redis, settings.record_shape, system.replay_capacity, ring)
        config.replay = self.replay_host.spec
        self.start_rllib(config)
        # In the object store once a node, wherever that node's actors are.
        self.targets = ray.put(run_targets(settings)) if settings.policy.conditional else None
        self.policy_client = LearnerClient(self.policy_group, batches_per_learner=settings.system.batches_per_update)
        self.clients.append(self.policy_client)
        self.queue = BatchQueue(self.pool, self.policy_client, settings.system, self.meters)
        if config.shared is None:
            spaces = (self.spaces or {})[INPUT_ENV_SPACES]
            self.discriminator_group: Any = self.spiral_config.build_discriminator_group(*spaces)
        else:
            self.discriminator_group = SharedDiscriminatorGroup(config.shared.actor)
        self.discriminator_client = LearnerClient(self.discriminator_group)
        self.clients.append(self.discriminator_client)
        self.publish()

    @property
    def spiral_config(self) -> SpiralConfig:
        """The configuration, by its type."""
        assert isinstance(self.config, SpiralConfig)
        return self.config

    @property
    def owns_replay(self) -> bool:
        """True if this run has a ring and a discriminator of its own."""
        return self.spiral_config.shared is None

    @property
    def learner_groups(self) -> dict[str, Any]:
        """Both learner groups, by name."""
        return {"policy": self.policy_group, "discriminator": self.discriminator_group}

    @property
    def own_learner_groups(self) -> dict[str, Any]:
        """Learner groups by name, without a discriminator that others use too."""
        return self.learner_groups if self.owns_replay else {"policy": self.policy_group}

    @property
    def max_requests_in_flight(self) -> int:
        """Maximum number of sample requests in flight, so that the lag stays within `max_lag`."""
        return self.queue.max_requests_in_flight

    def publish(self) -> None:
        """Publish the weights that the learners hold now (at the start, and after a restore)."""
        (self.weights,) = first_result(self.policy_group, publish_weights)
        self.weights_version = self.policy_updates
        self.discriminator_weights = first_result(self.discriminator_group, publish_weights)
        (self.newest_discriminator,) = self.discriminator_weights
        self.discriminator_version = self.discriminator_updates
        self.discriminator_debt = 0

    def advance(self) -> None:
        """Request batches, fetch them, and learn from those that are there."""
        self.request_batches()
        self.fetch_batches()
        if self.policy_client.has_room:
            self.learn()
        self.collect()

    def request_batches(self) -> None:
        """Ask actors for batches, as far as the policy lag allows."""
        request = self.weights_for_actors(self.weights_version)
        search = search_keywords(self.settings.search, self.progress, self.newest_discriminator)
        self.queue.request(**request, targets=self.targets, **search)

    def fetch_batches(self) -> None:
        """Queue the batches that actors have finished."""
        self.queue.fetch(self.policy_updates, self.epoch)

    def busy_actors(self) -> set[int]:
        """Return the actors with batches in the queue, or in an update that has not ended."""
        return self.queue.busy_actors(self.policy_updates)

    def learn(self) -> None:
        """Send the batches of one update to the policy's learner, if they are there."""
        update = self.policy_updates + self.policy_client.in_flight + 1
        trajectories = self.queue.take(update)
        if not trajectories:
            return
        weights, self.discriminator_weights = self.discriminator_weights, []
        self.policy_client.submit(
            trajectories,
            progress=self.progress,
            discriminator=weights,
            discriminator_version=self.discriminator_version,
            publish_interval=self.settings.system.publish_interval,
        )
        if self.settings.discriminator_pays or update % MONITORING_INTERVAL == 0:
            self.discriminator_debt += self.settings.discriminator.discriminator_updates

    def collect(self, *, everything: bool = False) -> None:
        """Submit the discriminator updates that are due, and take in the results of both learners.

        The policy is ahead of the discriminator by at most the updates that its client holds.
        """
        while self.discriminator_debt >= 1:
            if not self.discriminator_client.has_room:
                self.take_discriminator(self.discriminator_client.results(wait=True))
            self.discriminator_client.submit([])
            self.discriminator_debt -= 1
        self.take_discriminator(self.discriminator_client.results())
        self.take_policy(self.policy_client.results())
        while everything and (self.discriminator_client.in_flight or self.policy_client.in_flight):
            self.take_discriminator(self.discriminator_client.results(wait=True))
            self.take_policy(self.policy_client.results(wait=True))

    def drain(self) -> None:
        """Wait for the updates in flight, also those that find no Redis, and submit none."""
        for client, take in (
            (self.discriminator_client, self.take_discriminator),
            (self.policy_client, self.take_policy),
        ):
            while client.in_flight:
                with contextlib.suppress(ReplayUnavailable):
                    take(client.results(wait=True))

    def take_discriminator(self, results: list[dict[str, Any]]) -> None:
        """Take in results of the discriminator's learner."""
        for result in results:
            self.meters.learner("discriminator", result)
            self.discriminator_updates = result["updates"]
            if "weights" in result:
                self.discriminator_weights, self.discriminator_version = result["weights"], result["updates"]
                (self.newest_discriminator,) = result["weights"]
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
                self.lost_batches += self.policy_client.batches_per_update
            if "weights" in result:
                (self.weights,) = result["weights"]
                self.weights_version = self.policy_updates

    def report(self) -> None:
        """Write the iteration's metrics to `latest` and to RLlib's logger."""
        self.meters.take_seconds(learn=self.policy_client, discriminate=self.discriminator_client)
        self.sampled_steps += self.queue.take_steps()
        self.latest = self.base_metrics() | {
            "discriminator/updates": self.discriminator_updates,
            "queue": len(self.queue.batches),
            "batches/lost": self.lost_batches,
            "batches/stale": self.queue.stale,
        }
        if not self.owns_replay:
            self.latest["discriminator/silent_s"] = self.discriminator_group.silent
        self.log()

    def restore_counters(self, counters: dict[str, Any], *, replay: bool) -> None:
        """Forget the queue, and restore the counter of an own discriminator."""
        self.queue.batches.clear()
        if self.owns_replay:
            self.discriminator_updates = int(counters["discriminator"]["updates"])

    def lifetime_counters(self) -> dict[str, float]:
        """Return the metrics that only grow, by name."""
        return super().lifetime_counters() | {"discriminator/updates": self.discriminator_updates}
