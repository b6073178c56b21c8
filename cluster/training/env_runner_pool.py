"""Which actors paint: more of them or fewer while a run goes on, and dead ones back, without ever waiting for one."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import ray
from ray.rllib.env.env_runner_group import EnvRunnerGroup

from cluster.training.rllib_internals import actor_manager, first_free_id, orders_of


class Roster:
    """The actors of a run: numbered 1 to ``wanted``, each where Ray finds room.

    A new actor, and one that died, is asked for nothing until it answers: it may be waiting for a node that is still to
    come, and orders given to it would count against the policy lag of all.

    Attributes:
        wanted: actors that there should be.
        group: RLlib's handles of them.
    """

    def __init__(self, group: EnvRunnerGroup) -> None:
        self.group = group
        self.manager = actor_manager(group)
        self.wanted = self.manager.num_actors()
        self.newcomers: set[int] = set()
        self.arrived = 0

    @property
    def working(self) -> list[int]:
        """Numbers of the actors that may be asked for batches."""
        return [actor for actor in self.group.healthy_env_runner_ids() if actor <= self.wanted]

    @property
    def restarts(self) -> int:
        """Actors that were replaced so far."""
        return self.group.num_remote_worker_restarts() - self.arrived

    def resize(self, actors: int) -> None:
        """Have ``actors`` of them from now on: new ones start in the background; those above that number get no more
        work and leave with :meth:`dismiss`.

        Raises:
            ValueError: fewer than one; or more than there are, where a placement group holds the run's resources.
        """
        if actors < 1:
            raise ValueError(f"actors: expected at least 1, got {actors}")
        present = self.manager.num_actors()
        if actors > present and ray.util.get_current_placement_group() is not None:
            raise ValueError(f"actors: this run's resources are reserved for {present} actors, can not have {actors}")
        self.wanted = actors
        if actors > present:
            first_free_id(self.manager, present + 1)  # so that an actor's number is its worker index again
            self.group.add_workers(actors - present)
            for actor in range(present + 1, actors + 1):
                self.manager.set_actor_state(actor, healthy=False)  # until it answers
                self.newcomers.add(actor)

    def dismiss(self, busy: Collection[int]) -> None:
        """End the actors above ``wanted`` that have delivered everything; what an actor painted goes with it.

        Args:
            busy: actors whose batches are still to be learned from.
        """
        for actor in sorted(self.manager.actor_ids(), reverse=True):  # from the last: the numbers stay without a gap
            if actor <= self.wanted or actor in busy or orders_of(self.manager, actor, "sample"):
                break
            self.newcomers.discard(actor)
            ray.kill(self.manager.remove_actor(actor))

    def revive(self) -> list[int]:
        """Take actors that answer (again) into service; returns their numbers. Does not wait for those that do not."""
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
