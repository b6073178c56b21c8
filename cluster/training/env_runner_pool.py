"""The pool of environment runners (actors): sample requests in turn, more or fewer actors, dead ones replaced."""

from __future__ import annotations

import contextlib
import logging
import statistics
import time
from collections import defaultdict, deque
from collections.abc import Callable, Collection, Iterator
from typing import Any

import ray
from ray.exceptions import RayError
from ray.rllib.env.env_runner_group import EnvRunnerGroup

from cluster.training.rllib_internals import actor_manager, set_next_actor_id

logger = logging.getLogger(__name__)

INTRODUCTION = "introduction"
#: Answers whose median time says how long a sample usually takes.
ANSWERS = 100


class EnvRunnerPool:
    """The actors of a run: numbered 1 to `wanted`, each on whatever node has room for it.

    A new actor, and one that died, gets no request until it answers: it may be waiting for a node that is still to
    come, and requests to it would count against the policy lag of all. An actor that owes an answer for far too long is
    killed, and Ray starts another in its place. No method waits for an actor that is silent.

    Attributes:
        wanted: Number of actors that there should be.
        group: RLlib's handles of them.
        most: Actors that there is room for, if they have to stay on the driver's node; None if they need not.
        restarts: Number of actors that were replaced so far. The actors say so themselves, by their incarnations: Ray
            may replace one between two calls.
        hung: Number of actors that were killed because they did not answer.
        nodes: Ids of the nodes on which actors that have answered are, by the actors' numbers.
    """

    #: Seconds after which an actor that owes an answer is killed, at least; more if answers take long.
    patience = 60.0
    #: The same in usual times of an answer.
    patience_answers = 20.0
    most: int | None = None

    def __init__(
        self, group: EnvRunnerGroup, requests: int, make: Callable[[int], Any] | None = None, wanted: int = 0
    ) -> None:
        """Take over the actors of `group`, or start `wanted` ones that RLlib does not make.

        Args:
            group: RLlib's.
            requests: Largest number of sample requests in flight to one actor; with two, it finds the next when it
                has answered one.
            make: Starts the actor of a number; by default RLlib does.
            wanted: Number of actors that `make` starts now.
        """
        self.group = group
        self.requests = requests
        self.make = make
        self.manager = actor_manager(group)
        self.wanted = wanted or self.manager.num_actors()
        self.restarts = self.hung = 0
        self.incarnations: dict[int, int] = {}
        self.nodes: dict[int, str] = {}
        self.asked_at: defaultdict[int, deque[float]] = defaultdict(deque)
        self.coming: dict[Any, int] = {}  # references of samples to come, and the numbers of their actors
        self.took: deque[float] = deque(maxlen=ANSWERS)
        self.turn = 0
        if make is not None:
            self.add(wanted)
        self.introduce(self.manager.actor_ids())

    @property
    def working(self) -> list[int]:
        """Numbers of the actors that may be asked for batches."""
        return [actor for actor in self.group.healthy_env_runner_ids() if actor <= self.wanted]

    @property
    def in_flight(self) -> int:
        """Sample requests in flight to actors that are healthy."""
        if lost := set(self.coming.values()).difference(self.group.healthy_env_runner_ids()):
            self.coming = {sample: actor for sample, actor in self.coming.items() if actor not in lost}
        return len(self.coming)

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
        if list(self.coming.values()).count(actor) >= self.requests:
            return 0
        # Directly, not by RLlib's foreach_env_runner_async, which pickles a function with each call.
        handle = self.manager.actors()[actor]  # type: ignore[no-untyped-call]
        self.coming[handle.sample_refs.remote(**request)] = actor
        self.asked_at[actor].append(time.monotonic())
        return 1

    def fetch(self, timeout: float) -> list[Any]:
        """Return the samples that are ready; waits for the first one, at most `timeout` seconds."""
        ready = self.arrived(timeout)
        now = time.monotonic()
        for actor, sample in ready:
            if asked := self.asked_at[actor]:
                self.took.append(now - asked.popleft())
            self.meet(actor, sample["incarnation"])
        return [sample for _, sample in ready]

    def arrived(self, timeout: float) -> list[tuple[int, Any]]:
        """Return the samples that are ready with their actors' numbers; takes actors that failed out of service.

        RLlib's fetch_ready_async_reqs would wait for all samples in flight, or the whole time.
        """
        if not self.in_flight:
            return []
        coming = list(self.coming)
        ready, _ = ray.wait(coming, num_returns=1, timeout=timeout)
        if ready and len(coming) > 1:
            ready, _ = ray.wait(coming, num_returns=len(coming), timeout=0.0)
        samples = []
        for reference in ready:
            actor = self.coming.pop(reference)
            try:
                samples.append((actor, ray.get(reference)))
            except RayError as error:
                if self.manager.is_actor_healthy(actor):
                    logger.error("actor %d is out of service: %s", actor, error)
                self.manager.set_actor_state(actor, healthy=False)
                self.asked_at.pop(actor, None)  # what was asked of it is lost: it owes nothing when it is back
        return samples

    def overdue(self) -> dict[int, float]:
        """Return the seconds for which working actors have owed their oldest answer, by the actors' numbers."""
        for actor in set(self.asked_at).difference(self.group.healthy_env_runner_ids()):
            self.asked_at.pop(actor, None)  # what was asked of it is lost
        return self.owing()

    def owing(self) -> dict[int, float]:
        """Return what `overdue` does, and change nothing: another thread may ask while answers arrive."""
        now, working = time.monotonic(), set(self.group.healthy_env_runner_ids())
        asked = {actor: tuple(times) for actor, times in list(self.asked_at.items()) if actor in working}
        return {actor: now - times[0] for actor, times in asked.items() if times}

    @property
    def limit(self) -> float:
        """Seconds after which an actor that owes an answer is killed."""
        return max(self.patience, self.patience_answers * (statistics.median(self.took) if self.took else 0.0))

    def replace_hung(self) -> list[int]:
        """Kill the actors that owe an answer for too long, and return their numbers; Ray starts others instead."""
        limit = self.limit
        hung = [actor for actor, seconds in self.overdue().items() if seconds > limit]
        for actor in hung:
            ray.kill(self.manager.actors()[actor], no_restart=False)  # type: ignore[no-untyped-call]
            self.manager.set_actor_state(actor, healthy=False)  # its requests leave the lag budget
            self.asked_at.pop(actor, None)
            self.hung += 1
        return hung

    def excuse(self, nodes: Collection[str] | None = None) -> None:
        """Count the answers that are owed as asked for now: they wait for something that is not the actors' fault.

        Args:
            nodes: Ids of the nodes whose actors are excused; by default all are.
        """
        now = time.monotonic()
        for actor, asked in self.asked_at.items():
            if nodes is None or self.nodes.get(actor) in nodes:
                self.asked_at[actor] = deque([now] * len(asked))

    def introduce(self, actors: Collection[int]) -> None:
        """Ask actors, also silent ones, for their incarnations and nodes; `revive` takes the answers in."""
        if actors:
            self.manager.foreach_actor_async(
                "introduce", tag=INTRODUCTION, healthy_only=False, remote_actor_ids=list(actors)
            )

    def meet(self, actor: int, incarnation: int) -> None:
        """Take note of an actor's incarnation, a number that is higher for each later one."""
        known = self.incarnations.get(actor)
        if known is None or incarnation > known:
            self.restarts += known is not None
            self.incarnations[actor] = incarnation

    def owed(self, seconds: float) -> list[str]:
        """Say in words which actors have owed an answer for more than `seconds`; may be called by another thread."""
        waits = []
        with contextlib.suppress(RuntimeError):  # the actors changed meanwhile: the next question comes soon
            late = {actor: age for actor, age in self.owing().items() if age > seconds}
            if late:
                names = ", ".join(map(str, sorted(late)))
                waits.append(f"{'actor' if len(late) == 1 else 'actors'} {names} for {max(late.values()):.0f} s")
            away = self.wanted - len(self.working)
            if away:
                waits.append(f"{away} of {self.wanted} actors, which are being started or have no room")
        return waits

    def resize(self, actors: int) -> None:
        """Change the number of actors.

        New ones start in the background; those above that number get no more work and leave with `dismiss`.

        Raises:
            ValueError: Fewer than one; more than there are, if a placement group holds the run's resources; or more
                than the driver's node has room for, if they have to stay there.
        """
        if actors < 1:
            raise ValueError(f"actors: expected at least 1, got {actors}")
        present = self.manager.num_actors()
        if actors > present and self.most is not None and actors > self.most:
            raise ValueError(
                f"actors: this run's Redis answers the driver's node alone, which has room for {self.most}, not for "
                f"{actors}: start the run with --redis, the URL of one that all nodes reach"
            )
        if actors > present and ray.util.get_current_placement_group() is not None:
            raise ValueError(f"actors: this run's resources are reserved for {present} actors, can not have {actors}")
        self.wanted = actors
        if actors > present:
            self.add(actors)

    def add(self, actors: int) -> None:
        """Start actors until there are `actors`; those that are new get no request until they answer."""
        present = self.manager.num_actors()
        set_next_actor_id(self.manager, present + 1)  # so that an actor's number is its worker index again
        if self.make is None:
            self.group.add_workers(actors - present)
        else:
            self.manager.add_actors([self.make(actor) for actor in range(present + 1, actors + 1)])
        for actor in range(present + 1, actors + 1):
            self.manager.set_actor_state(actor, healthy=False)  # until it answers

    def dismiss(self, busy: Collection[int]) -> None:
        """End the actors above `wanted` that have delivered everything; what an actor painted goes with it.

        Args:
            busy: Actors whose batches are still to be learned from.
        """
        for actor in sorted(self.manager.actor_ids(), reverse=True):  # from the last: the numbers stay without a gap
            if actor <= self.wanted or actor in busy or actor in self.coming.values():
                break
            self.incarnations.pop(actor, None)  # the next one of this number is none of its restarts
            self.nodes.pop(actor, None)
            self.asked_at.pop(actor, None)
            ray.kill(self.manager.remove_actor(actor))

    def revive(self) -> list[int]:
        """Take actors that answer (again) into service and return their numbers."""
        silent = [actor for actor in self.manager.actor_ids() if not self.manager.is_actor_healthy(actor)]
        self.introduce(silent)
        answers: Any = self.manager.fetch_ready_async_reqs(tags=INTRODUCTION, timeout_seconds=0.0, mark_healthy=True)
        for answer in answers:
            if answer.ok:
                incarnation, self.nodes[answer.actor_id] = answer.get()
                self.meet(answer.actor_id, incarnation)
        return list(dict.fromkeys(answer.actor_id for answer in answers if answer.ok and answer.actor_id in silent))

    def close(self) -> None:
        """End all actors at once, also those that hang."""
        for actor in self.manager.actor_ids():
            ray.kill(self.manager.remove_actor(actor))
