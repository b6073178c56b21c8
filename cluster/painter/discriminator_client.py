"""A run's client of a discriminator that several runs share; it looks like the discriminator's learner group."""

from __future__ import annotations

from dataclasses import dataclass
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
    """Client of a `SharedDiscriminator` with the methods of a learner group that a run uses."""

    is_remote = True

    def __init__(self, actor: Any) -> None:
        self.actor = actor

    def __len__(self) -> int:
        return 1

    def update(self, **request: Any) -> list[dict[str, Any]]:
        """Have it do one update; the request's content is not for it."""
        return [ray.get(self.actor.update.remote())]

    def foreach_learner(self, function: Any) -> list[Answer]:
        """Call `function` on its learner."""
        return [Answer(ray.get(self.actor.ask.remote(function)))]

    def shutdown(self) -> None:
        """Do nothing: it stays, for the other runs."""
