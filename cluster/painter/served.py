"""Actors without a policy and the inference services that act for them, made from a run's configuration."""

from __future__ import annotations

import functools
import uuid
from collections.abc import Callable
from typing import Any

import ray
from ray.actor import ActorHandle
from ray.tune import PlacementGroupFactory
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from actors.inference.actor import ServedActor
from actors.inference.service import InferenceService
from actors.paint_runner import PaintRunner
from actors.search_runner import SearchRunner
from cluster.painter.served_config import TravelingActorConfig
from cluster.painter.settings import PainterSettings
from cluster.replay.buffer import Replay
from cluster.replay.connection import ACTOR_WAIT_SECONDS
from cluster.training.algorithm import RunAlgorithm
from cluster.training.env_runner_pool import EnvRunnerPool
from cluster.training.inference_pool import InferencePool
from cluster.training.spaces_runner import SpacesRunner


def runner_class(settings: PainterSettings) -> type:
    """Return the class of the actors that RLlib makes; `SpacesRunner` if it makes none."""
    if settings.system.inference == "server":
        return SpacesRunner
    return SearchRunner if settings.search.candidates else PaintRunner


def serve(config: Any) -> tuple[InferencePool, Callable[[int], ActorHandle[Any]]]:
    """Start the inference services of a run.

    Args:
        config: a `SpiralConfig` whose `replay` is known.

    Returns:
        The services, and a function that starts the actor of a number for which they act.
    """
    settings: PainterSettings = config.settings
    name = uuid.uuid4().hex[:12]
    service: Any = ray.remote(num_cpus=settings.system.inference_threads, max_restarts=-1)(InferenceService)
    told = {"settings": settings, "name": name, "member": config.member, "restarts": config.restarts}

    def start_service(node: str) -> ActorHandle[Any]:
        there = NodeAffinitySchedulingStrategy(node, soft=False)
        handle: ActorHandle[Any] = service.options(scheduling_strategy=there).remote(**told)
        return handle

    actor: Any = ray.remote(num_cpus=1, max_restarts=-1)(ServedActor)
    sink = functools.partial(Replay, config.replay, wait_s=ACTOR_WAIT_SECONDS)
    common = TravelingActorConfig(settings, name, config.member, config.restarts, sink)

    here = config.custom_resources_per_env_runner  # a Redis of the run's own keeps its actors on the driver's node

    def start_actor(index: int) -> ActorHandle[Any]:
        handle: ActorHandle[Any] = actor.options(resources=here).remote(common, index)
        return handle

    only = ray.get_runtime_context().get_node_id() if here else None
    return InferencePool(start_service, only), start_actor


class ServedAlgorithm(RunAlgorithm):
    """A run's algorithm whose actors compute the policy themselves, or have inference services for it.

    Attributes:
        services: Those that act; None if actors act themselves.
    """

    services: InferencePool | None = None

    @classmethod
    def default_resource_request(cls, config: Any) -> PlacementGroupFactory:
        """Return the resources of a Tune trial.

        Raises:
            ValueError: Its actors have an inference service, which is bound to a node and not to a trial's resources:
                it would wait for a CPU that no trial has.
        """
        request = super().default_resource_request(config)
        system = (config if isinstance(config, dict) else config.to_dict())["settings"].system
        if system.inference != "actor":
            raise ValueError(f"inference: expected actor in a population or a trial of Tune, got {system.inference}")
        assert isinstance(request, PlacementGroupFactory)
        return request

    def make_pool(self, config: Any) -> EnvRunnerPool:
        """Return the pool of RLlib's actors, or of those for which inference services act."""
        if config.settings.system.inference == "actor":
            return super().make_pool(config)
        self.services, start_actor = serve(config)
        return EnvRunnerPool(
            self.runners, config.max_requests_in_flight_per_env_runner, start_actor, config.settings.system.actors
        )

    def weights_for_actors(self, version: int) -> dict[str, Any]:
        """Make the keywords of a request that give an actor its weights; services get them here, and actors none.

        Args:
            version: Policy updates behind the newest weights.
        """
        if self.services is None:
            return {"weights": self.weights, "version": version, "epoch": self.epoch}
        self.services.publish(self.weights, version, self.epoch)
        self.services.tend()
        if away := self.services_away():
            self.pool.excuse(away)  # their actors can not answer
        return {}

    def services_away(self) -> dict[str, float]:
        """Return the seconds for which inference services that actors need are away, by the ids of their nodes.

        No actor needs that of a node without actors, which may have no CPU free for it. As long as no actor has said
        where it is, all services are needed.
        """
        away = self.services.away if self.services is not None else {}
        needed = set(self.pool.nodes.copy().values()) or away.keys()
        return {node: seconds for node, seconds in away.items() if node in needed}

    def waits_for(self) -> str:
        """Say in a line what the run waits for; an inference service that is away comes first."""
        away = self.services_away()
        if not away:
            return super().waits_for()
        return f"waiting for an inference service for {max(away.values()):.0f} s"

    def base_metrics(self) -> dict[str, Any]:
        """Return the metrics of every algorithm, and those of the inference services if there are any."""
        return super().base_metrics() | ({} if self.services is None else self.services.report())

    def cleanup(self) -> None:
        """Also stop the inference services."""
        if self.services is not None:
            self.services.close()
        super().cleanup()
