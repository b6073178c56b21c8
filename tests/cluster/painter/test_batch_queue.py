"""Actors are asked for as much as keeps everybody busy, within the bound of the lag."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from cluster.metrics.aggregate import Meters
from cluster.painter.batch_queue import BatchQueue
from cluster.painter.settings import PainterSystemSettings


class Pool:
    """Actors that take two requests each, and never answer."""

    def __init__(self, actors: int) -> None:
        self.working = list(range(actors))
        self.asked = dict.fromkeys(self.working, 0)

    @property
    def in_flight(self) -> int:
        return sum(self.asked.values())

    def in_turn(self) -> Iterator[int]:
        return iter(self.working)

    def request(self, actor: int, **_: Any) -> int:
        free = self.asked[actor] < 2
        self.asked[actor] += free
        return int(free)


@pytest.mark.parametrize(
    ("actors", "batches_per_update", "max_lag", "in_learner", "expected"),
    [
        (1, 1, 4, 2, 1),  # the learner has two: the third is painted, and a fourth would wait
        (1, 1, 4, 0, 2),  # the learner has none: the actor finds the next request when it has answered one
        (1, 1, 1, 0, 1),  # no lag at all is asked for
        (2, 1, 4, 2, 2),
        (2, 1, 2, 2, 0),
        (64, 8, 9, 2, 56),  # the lag is the bound
        (8, 1, 30, 2, 8),
    ],
)
def test_requests_in_flight(actors: int, batches_per_update: int, max_lag: int, in_learner: int, expected: int) -> None:
    pool: Any = Pool(actors)
    learner: Any = SimpleNamespace(capacity=2, batches_per_update=batches_per_update, in_flight=in_learner)
    queue = BatchQueue(pool, learner, PainterSystemSettings(max_lag=max_lag), Meters())
    for _ in range(4):
        queue.request()
    assert pool.in_flight == expected
