"""A run's client of a discriminator that several runs share; it looks like the discriminator's learner group."""

from __future__ import annotations

import time
from dataclasses import dataclass
from types import FunctionType
from typing import Any

import ray

from cluster.replay.buffer import ReplaySpec


@dataclass(frozen=True)
class Share:
    """Handles with which a run learns beside others.

    Attributes:
        actor: The Ray actor of the `SharedDiscriminator`.
        replay: The ring of all runs' paintings.
    """

    actor: Any
    replay: ReplaySpec


@dataclass(frozen=True)
class Answer:
    """A learner's answer, as learner groups give them."""

    value: Any

    def get(self) -> Any:
        """Return the value."""
        return self.value


class SharedDiscriminatorGroup:
    """Client of a `SharedDiscriminator` with the methods of a learner group that a run uses.

    If it does not answer, as when its node is lost and another is still to come, the run goes on with the last scores,
    up to a limit of staleness.

    Attributes:
        silent: Seconds for which an update has been owed beyond the usual patience; 0 if none is.
    """

    is_remote = True
    #: Seconds that an update is waited for. Once one was late, the next are not waited for until it has come.
    patience = 10.0
    #: Seconds for which a run goes on with the last scores, and for which a new one waits for the first.
    staleness = 600.0

    def __init__(self, actor: Any) -> None:
        self.actor = actor
        self.updates = 0
        self.coming: Any = None
        self.asked_at = 0.0
        self.late = False
        self.known: dict[Any, Any] = {}

    def __len__(self) -> int:
        return 1

    @property
    def silent(self) -> float:
        """Seconds for which a late update has been owed."""
        return time.monotonic() - self.asked_at if self.late else 0.0

    def update(self, **request: Any) -> list[dict[str, Any]]:
        """Have it do one update; the request's content is not for it.

        Returns:
            Its learner's result; if none comes, `updates` alone, and after too long `unavailable`, a line that says so.
        """
        if self.coming is None:
            self.coming, self.asked_at = self.actor.update.remote(), time.monotonic()
        ready, _ = ray.wait([self.coming], timeout=0.0 if self.late else self.patience)
        if not ready:
            self.late = True
            known: dict[str, Any] = {"updates": self.updates}
            if self.silent > self.staleness:
                known["unavailable"] = f"the shared discriminator has not answered for {self.silent:.0f} s"
            return [known]
        self.coming, self.late = None, False
        result: dict[str, Any] = ray.get(ready[0])
        self.updates = result["updates"]
        return [result]

    def foreach_learner(self, function: Any, timeout_seconds: float | None = None) -> list[Answer]:
        """Call `function` on its learner.

        Args:
            function: Takes a learner.
            timeout_seconds: Of learner groups. Here it means nothing: this one may wait for a node, and its own
                `patience` and `staleness` hold.

        Returns:
            A list of its answer; of its last one to the same question, if it does not answer; empty without one.
        """
        answered = function in self.known
        coming = self.actor.ask.remote(function)
        ready, _ = ray.wait([coming], timeout=self.patience if answered else self.staleness)
        if not ready:
            return [Answer(self.known[function])] if answered else []
        answer = ray.get(ready[0])
        if isinstance(function, FunctionType):  # a question, not an order with values of its own
            self.known[function] = answer
        return [Answer(answer)]

    def shutdown(self) -> None:
        """Do nothing: it stays, for the other runs."""
