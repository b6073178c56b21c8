"""The inference services of a run: one on each node, given weights, and replaced when they die or hang."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import ray
from ray.actor import ActorHandle
from ray.exceptions import RayError

#: Seconds between two looks at the services.
SECONDS_BETWEEN_LOOKS = 1.0
#: Seconds between two looks at the nodes of the cluster.
SECONDS_BETWEEN_NODES = 10.0
#: Seconds that services are given at the end to remove their sockets.
CLOSING_SECONDS = 5.0


@dataclass
class Member:
    """A service as the driver knows it.

    Attributes:
        handle: its Ray actor.
        asked: the question after its pulse that is in flight, or None.
        since: time of that question, or of the service's start if it has not answered yet, by the monotonic clock.
        pulse: its last answer; None while it starts.
        incarnation: of its process, once known.
    """

    handle: ActorHandle[Any]
    since: float
    asked: Any = None
    pulse: Any = None
    incarnation: int = 0


class InferencePool:
    """Keeps a service running on each node that has CPUs, or on one.

    Args:
        make: starts a service on the node of this id; Ray must restart its process if that ends.
        only: id of the node on which all actors are; by default they may be on any.

    Attributes:
        restarts: number of services that were replaced, by Ray or after they hung.
        hung: number of services that were killed because they gave no sign of life.
    """

    #: Seconds without a sign of life after which a service is killed.
    patience = 40.0
    #: The same for a service that starts: it loads torch.
    starting_patience = 300.0

    def __init__(self, make: Callable[[str], ActorHandle[Any]], only: str | None = None) -> None:
        self.make = make
        self.only = only
        self.members: dict[str, Member] = {}
        self.restarts = self.hung = 0
        self.weights: tuple[Any, int, int] | None = None
        self.looked = self.looked_at_nodes = 0.0
        self.tend()

    def publish(self, weights: Any, version: int, epoch: int) -> None:
        """Have all services act with these weights from now on.

        Args:
            weights: reference of `FlatWeights`.
            version: policy updates behind them.
            epoch: number of checkpoints restored.
        """
        if self.weights is None or self.weights[1:] != (version, epoch):
            self.weights = weights, version, epoch
            for member in self.members.values():
                if member.pulse is not None:
                    self.send(member)

    def send(self, member: Member) -> None:
        """Send the newest weights to a service."""
        if self.weights is not None:
            weights, version, epoch = self.weights
            member.handle.load.remote(weights, version, epoch)

    def tend(self) -> None:
        """Look after the services, once a second at most; waits for none of them."""
        now = time.monotonic()
        if now - self.looked < SECONDS_BETWEEN_LOOKS:
            return
        self.looked = now
        if now - self.looked_at_nodes > SECONDS_BETWEEN_NODES:
            self.looked_at_nodes = now
            self.follow_nodes()
        for member in self.members.values():
            self.look_after(member, now)

    def follow_nodes(self) -> None:
        """Start a service on each new node, and forget those of nodes that are gone."""
        nodes: list[dict[str, Any]] = ray.nodes()  # type: ignore[no-untyped-call]
        present = {node["NodeID"] for node in nodes if node["Alive"] and node["Resources"].get("CPU")}
        if self.only is not None:
            present &= {self.only}
        for node in self.members.keys() - present:
            ray.kill(self.members.pop(node).handle)
        for node in present - self.members.keys():
            self.members[node] = Member(self.make(node), time.monotonic())

    def look_after(self, member: Member, now: float) -> None:
        """Take in a service's answer and ask it again, or kill it if it owes one for too long."""
        if member.asked is not None and ray.wait([member.asked], timeout=0)[0]:
            try:
                self.meet(member, ray.get(member.asked), now)
            except RayError:  # it died; Ray starts another
                if member.pulse is not None:
                    member.since, member.pulse = now, None
            member.asked = None
        if self.silence(member, now) > (self.starting_patience if member.pulse is None else self.patience):
            self.hung += 1
            ray.kill(member.handle, no_restart=False)
            member.since, member.pulse, member.asked = now, None, None
        if member.asked is None:
            member.asked = member.handle.pulse.remote()
            if member.pulse is not None:
                member.since = now

    def meet(self, member: Member, pulse: Any, now: float) -> None:
        """Take in a service's answer; a process that is new gets the newest weights."""
        if member.incarnation and pulse.incarnation != member.incarnation:
            self.restarts += 1
        if member.pulse is None or pulse.incarnation != member.incarnation:
            self.send(member)
        member.incarnation, member.pulse, member.since = pulse.incarnation, pulse, now

    def silence(self, member: Member, now: float) -> float:
        """Seconds for which a service has given no sign of life."""
        return max(now - member.since, 0.0 if member.pulse is None else member.pulse.silent)

    @property
    def away(self) -> dict[str, float]:
        """Seconds for which services that give no sign of life have given none, by the ids of their nodes."""
        now = time.monotonic()
        silent = {node: self.silence(member, now) for node, member in self.members.items()}
        return {
            node: seconds
            for node, seconds in silent.items()
            if self.members[node].pulse is None or seconds > self.patience / 4
        }

    def report(self) -> dict[str, float]:
        """Return the metrics of the services."""
        pulses = [member.pulse for member in self.members.values() if member.pulse is not None]
        batches, steps = sum(pulse.batches for pulse in pulses), sum(pulse.steps for pulse in pulses)
        now = {"inference/restarts": self.restarts, "inference/hung": self.hung}
        return now | ({"inference/batch": steps / batches} if batches else {})

    def close(self) -> None:
        """End all services at once; those that answer leave nothing behind."""
        asked: list[Any] = [
            member.handle.close.remote() for member in self.members.values() if member.pulse is not None
        ]
        if asked:
            ray.wait(asked, num_returns=len(asked), timeout=CLOSING_SECONDS)
        for member in self.members.values():
            ray.kill(member.handle)
        self.members.clear()
