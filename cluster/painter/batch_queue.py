"""Batches of episodes on their way from the actors to the policy's learner, with a bounded policy lag."""

from __future__ import annotations

import time
from collections import deque
from typing import Any

from cluster.metrics.aggregate import Meters
from cluster.painter.settings import PainterSystemSettings
from cluster.training.env_runner_pool import EnvRunnerPool
from cluster.training.learner_client import LearnerClient
from learners.search_settings import SearchSettings

IDLE_SECONDS = 0.02


class BatchQueue:
    """Requests batches from actors, fetches them, and holds them until the policy's learner takes them.

    Attributes:
        batches: Fetched batches, oldest first.
        stale: Number of batches left out because too many updates overtook them.
        steps: Environment steps of the batches fetched since `take_steps` was called last.
    """

    def __init__(
        self, pool: EnvRunnerPool, learner: LearnerClient, system: PainterSystemSettings, meters: Meters
    ) -> None:
        self.pool, self.learner, self.system, self.meters = pool, learner, system, meters
        self.batches: deque[dict[str, Any]] = deque()
        self.stale = self.steps = 0
        self.update_of_actor: dict[int, int] = {}  # the update that an actor's newest batch goes into

    @property
    def max_requests_in_flight(self) -> int:
        """Maximum number of requests in flight, so that the acting policy lags by at most `max_lag` updates."""
        return self.learner.batches_per_update * self.system.max_lag

    @property
    def useful_requests_in_flight(self) -> int:
        """Number of requests in flight that keeps everybody busy: more would only make batches wait, and grow old.

        The policy's learner has one update at work and the next waiting, and each actor paints a batch.
        """
        enough = self.learner.capacity * self.learner.batches_per_update + len(self.pool.working)
        return min(self.max_requests_in_flight, enough)

    def busy_actors(self, updates: int) -> set[int]:
        """Actors with batches in the queue, or in an update after the first `updates`, which have ended."""
        return {batch["actor"] for batch in self.batches} | {
            actor for actor, update in self.update_of_actor.items() if update > updates
        }

    def request(self, **request: Any) -> None:
        """Ask actors for batches, as long as those in flight are of use and do not make the acting policy lag too far.

        A batch that is asked for now is learned from after all that is painted, queued or in the learner already.

        Args:
            request: Keywords of the runner's `sample_refs`.
        """
        learner = self.learner
        wanted = self.useful_requests_in_flight
        in_flight = self.pool.in_flight + len(self.batches) + learner.batches_per_update * learner.in_flight
        for actor in self.pool.in_turn():
            if in_flight >= wanted:
                break
            in_flight += self.pool.request(actor, **request)

    def fetch(self, updates: int, epoch: int) -> None:
        """Queue the batches that actors have finished, unless too many updates overtook them.

        Waits a moment for the first batch, or, with enough batches queued or none requested, for the policy's learner:
        each turn of the driver's loop costs about a millisecond of Python, which the learners' threads need too. (When
        the loop turned with nothing requested, as it is with a `max_lag` of 1, the scene agent made 0.5 updates a
        second instead of 1.2, and a run beside it 800 steps instead of 1 060.)

        Args:
            updates: Updates of the policy so far.
            epoch: Restores of checkpoints so far; batches of an earlier epoch are stale.
        """
        learner = self.learner
        waiting = len(self.batches) < learner.batches_per_update
        with self.meters.time("wait"):
            if not waiting:
                learner.wait_for_room(IDLE_SECONDS)
            elif not self.pool.in_flight:
                if learner.in_flight:
                    learner.wait_for_result(IDLE_SECONDS)
                else:  # all actors are gone; they are brought back between iterations
                    time.sleep(IDLE_SECONDS)
            ready = self.pool.fetch(IDLE_SECONDS if waiting else 0.0)
        most = 2 * self.system.max_lag + self.system.publish_interval
        for batch in ready:
            ahead = learner.in_flight + len(self.batches) // learner.batches_per_update
            if batch["epoch"] == epoch and updates + ahead - batch["version"] < most:
                self.batches.append(batch)
            else:
                self.stale += 1
            self.steps += batch["steps"]
            for activity, seconds in batch["seconds"].items():
                self.meters.seconds[activity] += seconds

    def take(self, update: int) -> list[Any]:
        """Take the batches of one update out of the queue.

        Args:
            update: Number of the update that they are for.

        Returns:
            References of their trajectories; empty if there are not enough batches.
        """
        count = self.learner.batches_per_update
        if len(self.batches) < count:
            return []
        batches = [self.batches.popleft() for _ in range(count)]
        self.update_of_actor |= {batch["actor"]: update for batch in batches}
        return [reference for batch in batches for reference in batch["trajectory"]]

    def take_steps(self) -> int:
        """Return the environment steps of the batches fetched since the last call."""
        steps, self.steps = self.steps, 0
        return steps


def search_keywords(search: SearchSettings, progress: float, discriminator: Any) -> dict[str, Any]:
    """Make the keywords of a request that the runner of a search takes besides; none if actors do not search.

    Args:
        search: Settings of the search.
        progress: Of the run, in [0, 1].
        discriminator: Reference of the discriminator's newest weights.
    """
    if not search.candidates:
        return {}
    return {"progress": progress, "discriminator": None if search.search_score == "pixels" else discriminator}
