"""Learner-side copy of a replay of transitions: each block is fetched from Redis once, and sampled from memory.

A learner that makes 170 updates a second of 256 transitions samples 45 000 records a second, while the actors add a
few thousand: fetching every sample from Redis would cost more than the learning. So new blocks are fetched into a
copy of the ring, and samples are drawn from that. The ring in Redis stays authoritative: checkpoints contain that one,
and a learner that starts later fills its copy from it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from cluster.replay.buffer import Replay, ReplayEmpty
from learners.transitions import TransitionLayout

#: Blocks that are fetched in one command.
BLOCKS_AT_ONCE = 32

_OLD = -1  # identity of a block of an earlier ring: any block of the present one replaces it


class TransitionReplay:
    """A copy of the shared ring, in this process's memory.

    Attributes:
        replay: The ring; its records are blocks of `rows` transitions each.
        layout: Of a transition.
        rows: Transitions in a block.
    """

    def __init__(self, replay: Replay, layout: TransitionLayout, rows: int) -> None:
        self.replay, self.layout, self.rows = replay, layout, rows
        capacity = replay.spec.capacity
        self._records = np.empty((capacity, rows, layout.dtype.itemsize), np.uint8)  # untouched pages cost nothing
        self._identity: list[int | None] = [None] * capacity
        self._filled: NDArray[np.intp] = np.empty(0, np.intp)  # slots that hold something
        self._awaited: set[int] = set()  # blocks reserved by an actor, but not written at the last refresh
        self._seen = 0

    def __len__(self) -> int:
        """Transitions that can be sampled."""
        return len(self._filled) * self.rows

    def refresh(self) -> int:
        """Fetch the blocks that were pushed since the last call, and return their number.

        If Redis lost its contents, the copy stays until new blocks replace it.

        Raises:
            ReplayUnavailable: Redis stayed away.
            ValueError: The ring holds no blocks of this layout.
        """
        capacity, total = self.replay.spec.capacity, self.replay.total
        if total < self._seen:  # a Redis that came back empty counts from 0 again
            self._seen = 0
            self._awaited.clear()
            self._identity = [None if identity is None else _OLD for identity in self._identity]
        self._awaited |= set(range(max(self._seen, total - capacity), total))
        self._seen = total
        numbers = sorted(number for number in self._awaited if number >= total - capacity)
        self._awaited = set(numbers)
        came = 0
        for start in range(0, len(numbers), BLOCKS_AT_ONCE):
            some = numbers[start : start + BLOCKS_AT_ONCE]
            for number, block in zip(some, self.replay.read(some), strict=True):
                came += self._take(number, block)
        if came and len(self._filled) < capacity:
            self._filled = np.flatnonzero([identity is not None for identity in self._identity])
        return came

    def _take(self, number: int, block: bytes | None) -> int:
        if block is None:
            return 0
        slot = number % self.replay.spec.capacity
        identity = self.layout.identity(block)
        if identity == self._identity[slot]:  # still the one that this will replace
            return 0
        if len(block) != self.layout.block_bytes(self.rows):
            raise ValueError(f"the replay holds a block of {len(block)} bytes, not of {self.rows} such transitions")
        self._records[slot] = np.frombuffer(block, np.uint8)[self.layout.header_bytes :].reshape(self.rows, -1)
        self._identity[slot] = identity
        self._awaited.discard(number)
        return 1

    def sample(self, count: int, rng: np.random.Generator) -> NDArray[Any]:
        """Draw `count` transitions uniformly, with replacement: [count] of the layout's dtype, the caller's own.

        Raises:
            ReplayEmpty: Nothing was fetched yet.
        """
        if not len(self._filled):
            raise ReplayEmpty("no transition was fetched yet")
        slots = self._filled[rng.integers(len(self._filled), size=count)]
        rows = slots * self.rows + rng.integers(self.rows, size=count)
        drawn = self._records.reshape(-1, self.layout.dtype.itemsize).take(rows, axis=0)
        records: NDArray[Any] = drawn.view(self.layout.dtype)[:, 0]
        return records
