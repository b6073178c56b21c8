"""Identity of an actor: its name, its process's incarnation, and the source of its seeds."""

from __future__ import annotations

import time
import warnings
from dataclasses import dataclass

import numpy as np
import ray


@dataclass(frozen=True)
class ActorIdentity:
    """One actor of a run, in the process that calls `of_this_process`.

    Attributes:
        name: in Ray's dashboard and logs: `painter-03/actor-7`.
        incarnation: time at which it was made, in nanoseconds: tells an actor from the one that it replaced.
        seeds: source of its seeds. It differs between actors and between restarts of the run, and a reconstructed actor
            does not repeat the draws of the one that died.
    """

    name: str
    incarnation: int
    seeds: np.random.SeedSequence

    @classmethod
    def of_this_process(cls, member: str, index: int, seed: int, restarts: int) -> ActorIdentity:
        """Identify this process, a Ray actor.

        Args:
            member: name of the run in a population, and in the actors' names.
            index: number of the actor in its run, from 1.
            seed: of the run.
            restarts: number of times that the run was started again.
        """
        incarnation = time.time_ns()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Ray uses a function that Ray has deprecated
            reconstructed = ray.get_runtime_context().was_current_actor_reconstructed
        source = [seed, restarts, index, *([incarnation] if reconstructed else [])]
        return cls(f"{member}/actor-{index}", incarnation, np.random.SeedSequence(source))

    def introduce(self) -> tuple[int, str]:
        """Return the incarnation and the id of the node: the actor is there and can be asked for samples."""
        return self.incarnation, ray.get_runtime_context().get_node_id()
