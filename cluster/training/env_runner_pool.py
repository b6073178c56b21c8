"""The pool of environment runners (actors): sample requests in turn, more or fewer actors, dead ones replaced."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

import ray
from ray.rllib.env.env_runner_group import EnvRunnerGroup

from cluster.training.rllib_internals import actor_manager, requests_in_flight, set_next_actor_id

SAMPLE = "sample"


class EnvRunnerPool:
    """The actors of a run: numbered 1 to `wanted`, each on whatever node has room for it.

    A new actor, and one that died, gets no request until it answers: it may be waiting for a node that is still to
    come, and requests to it would count against the policy lag of all. No method waits for an actor that is silent.

    Attributes:
        wanted: Number of actors that there should be.
        group: RLlib's handles of them.
    """

    def __init__(self, group: EnvRunnerGroup) -> None:
        self.group = group
        self.manager = actor_manager(group)
        self.wanted = self.manager.num_actors()
        self.newcomers: set[int] = set()
        self.arrived = 0
        self.turn = 0

    @property
    def working(self) -> list[int]:
        """Numbers of the actors that may be asked for batches."""
        return [actor for actor in self.group.healthy_env_runner_ids() if actor <= self.wanted]

    @property
    def restarts(self) -> int:
        """Number of actors that were replaced so far."""
        return self.group.num_remote_worker_restarts() - self.arrived

    @property
    def in_flight(self) -> int:
        """Sample requests in flight."""
        return self.group.num_in_flight_async_reqs(SAMPLE)

    def in_turn(self) -> Iterator[int]:
        """Iterate over the working actors.

        It begins with another one each time, so that all get work, also if not all are needed.
        """
        actors = self.working
        self.turn += 1
        return (actors[(self.turn + place) % len(actors)] for place in range(len(actors)))

    def request(self, actor: int, **request: Any) -> int:
        """Ask an actor for a sample; returns the number of requests sent, 0 if it has as many as it may have.

        Args:
            actor: Its number.
            request: Keywords of the runner's `sample_refs`.
        """
        return self.group.foreach_env_runner_async("sample_refs", tag=SAMPLE, kwargs=request, remote_worker_ids=[actor])

    def fetch(self, timeout: float) -> list[Any]:
        """Return the samples that are ready; waits for the first one, at most `timeout` seconds."""
        ready: Any = self.group.fetch_ready_async_reqs(tags=SAMPLE, timeout_seconds=timeout)
        return [sample for _, sample in ready]

    def resize(self, actors: int) -> None:
        """Change the number of actors.

        New ones start in the background; those above that number get no more work and leave with `dismiss`.

        Raises:
            ValueError: Fewer than one; or more than there are, if a placement group holds the run's resources.
        """
        if actors < 1:
            raise ValueError(f"actors: expected at least 1, got {actors}")
        present = self.manager.num_actors()
        if actors > present and ray.util.get_current_placement_group() is not None:
            raise ValueError(f"actors: this run's resources are reserved for {present} actors, can not have {actors}")
        self.wanted = actors
        if actors > present:
            set_next_actor_id(self.manager, present + 1)  # so that an actor's number is its worker index again
            self.group.add_workers(actors - present)
            for actor in range(present + 1, actors + 1):
                self.manager.set_actor_state(actor, healthy=False)  # until it answers
                self.newcomers.add(actor)

    def dismiss(self, busy: Collection[int]) -> None:
        """End the actors above `wanted` that have delivered everything; what an actor painted goes with it.

        Args:
            busy: Actors whose batches are still to be learned from.
        """
        for actor in sorted(self.manager.actor_ids(), reverse=True):  # from the last: the numbers stay without a gap
            if actor <= self.wanted or actor in busy or requests_in_flight(self.manager, actor, SAMPLE):
                break
            self.newcomers.discard(actor)
            ray.kill(self.manager.remove_actor(actor))

    def revive(self) -> list[int]:
        """Take actors that answer (again) into service and return their numbers."""
        silent = [actor for actor in self.manager.actor_ids() if not self.manager.is_actor_healthy(actor)]
        if silent:
            self.manager.foreach_actor_async("ping", tag="ping", healthy_only=False, remote_actor_ids=silent)
        answers: Any = self.manager.fetch_ready_async_reqs(tags="ping", timeout_seconds=0.0, mark_healthy=True)
        back = [answer.actor_id for answer in answers if answer.ok and answer.actor_id in silent]
        for actor in back:
            if actor in self.newcomers:  # started for the first time: not a restart
                self.newcomers.remove(actor)
                self.arrived += 1
        return list(dict.fromkeys(back))
