"""A ring of situations and of what a search chose in them, to learn from several times."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass
class Situations:
    """S situations and the search's choices.

    Attributes:
        canvas, target: uint8 [S, H, W, C].
        step: int64 [S], actions before this one.
        action: int16 [S, M, K], the M best strokes that the search found.
        weight: float32 [S, M], how much each counts.
    """

    canvas: NDArray[np.uint8]
    target: NDArray[np.uint8]
    step: NDArray[np.int64]
    action: NDArray[np.int16]
    weight: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.step)

    def __getitem__(self, rows: NDArray[np.int64]) -> Situations:
        """These rows, copied."""
        return Situations(self.canvas[rows], self.target[rows], self.step[rows], self.action[rows], self.weight[rows])


class SearchMemory:
    """The newest situations, at most `capacity`; a learner's batches are drawn from all of them alike.

    Old choices stay right: they were the best found for their canvas by the real renderer, whatever the policy became.
    """

    def __init__(
        self, capacity: int, canvas_shape: tuple[int, int, int], action_shape: tuple[int, int], seed: int = 0
    ) -> None:
        """`canvas_shape` is (H, W, C), `action_shape` (M, K)."""
        self.ring = Situations(
            np.zeros((capacity, *canvas_shape), np.uint8),
            np.zeros((capacity, *canvas_shape), np.uint8),
            np.zeros(capacity, np.int64),
            np.zeros((capacity, *action_shape), np.int16),
            np.zeros((capacity, action_shape[0]), np.float32),
        )
        self.capacity, self.pushed = capacity, 0
        self.rng = np.random.default_rng(seed)

    def __len__(self) -> int:
        return min(self.pushed, self.capacity)

    def push(self, found: Situations) -> None:
        """Take situations in, those of weight 0 excepted."""
        found = found[np.flatnonzero(found.weight.any(1))]
        rows = (self.pushed + np.arange(len(found))) % self.capacity
        for name in ("canvas", "target", "step", "action", "weight"):
            getattr(self.ring, name)[rows] = getattr(found, name)
        self.pushed += len(found)

    def sample(self, count: int) -> Situations:
        """`count` situations, drawn with replacement; there must be some."""
        return self.ring[self.rng.integers(0, len(self), count)]
