"""Search for the next stroke: candidates are painted with the real renderer on copies of a canvas, the best is kept."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from envs.trials import TrialCanvases

Score = Callable[[NDArray[np.uint8]], NDArray[np.float32]]
"""Scores float32 [n, p], higher is better, of canvases uint8 [n, p, h, w, C] of n pictures."""
Vary = Callable[[NDArray[np.int64], int, NDArray[np.int64]], NDArray[np.int64]]
"""Variations int64 [m, P, K] of strokes int64 [m, K], P of each, for the canvases of these numbers, int64 [m]."""


@dataclass
class Kept:
    """The best candidates that a search found for each of n canvases, best first.

    Attributes:
        actions: int64 [n, B, K]; flag 0 where no candidate was better than leaving the canvas as it is.
        gains: float32 [n, B], by how much each raises the score, or lowers the mean squared error; 0 or more.
        index: int64 [n], which of the candidates the best one is, or varies; -1 for none.
    """

    actions: NDArray[np.int64]
    gains: NDArray[np.float32]
    index: NDArray[np.int64]

    @property
    def action(self) -> NDArray[np.int64]:
        """int64 [n, K], the best."""
        return self.actions[:, 0]

    @property
    def gain(self) -> NDArray[np.float32]:
        """float32 [n], of the best."""
        return self.gains[:, 0]


@dataclass(frozen=True)
class Objective:
    """The goal of a search: pixels, a score of the canvases, or both.

    Attributes:
        pixels: weight of the mean squared error that a stroke takes off.
        score: added to it; None: pixels alone.
    """

    pixels: float = 1.0
    score: Score | None = None

    def gains(self, trials: TrialCanvases, actions: NDArray[np.int64]) -> NDArray[np.float32]:
        """float32 [n, p] of actions int64 [n, p, K]."""
        gains, seen = trials.tried(actions, look=self.score is not None)
        if self.score is None or seen is None:
            return self.pixels * gains
        return self.pixels * gains + self.score(seen) - self.score(trials.canvas[:, None])


PIXELS = Objective()


def choose(trials: TrialCanvases, actions: NDArray[np.int64], objective: Objective = PIXELS, keep: int = 1) -> Kept:
    """Try actions and choose the best of them.

    Args:
        trials: n canvases.
        actions: int64 [n, P, K], no more of each than `trials` has copies.
        objective: what makes one better.
        keep: B, how many to keep.
    """
    nothing = np.zeros((len(actions), keep, actions.shape[2]), np.int64)
    found = Kept(nothing, np.zeros((len(actions), keep), np.float32), np.full(len(actions), -1))
    return merge(found, actions, objective.gains(trials, actions))


def vary(trials: TrialCanvases, kept: Kept, variations: NDArray[np.int64], objective: Objective = PIXELS) -> Kept:
    """Also try variations int64 [n, P, K] of the best stroke of an earlier choice for the same canvases."""
    found = merge(kept, variations, objective.gains(trials, variations))
    return Kept(found.actions, found.gains, kept.index)


def climb(
    trials: TrialCanvases,
    kept: Kept,
    make: Vary,
    count: int,
    patience: int = 0,
    objective: Objective = PIXELS,
) -> Kept:
    """Vary the best strokes of an earlier choice, round after round, each time the best so far (a hill climb).

    Args:
        trials: n canvases.
        kept: the earlier choice.
        make: makes variations.
        count: P, variations of each stroke in a round.
        patience: a stroke is varied until so many variations in a row gained nothing; with 0 there is one round.
        objective: what makes one better.
    """
    if not count:
        return kept
    idle = np.where(kept.gain > 0, 0, patience)
    rows = np.arange(len(idle))
    while len(rows):
        variations = np.zeros((len(idle), count, kept.actions.shape[2]), np.int64)  # flag 0: nothing painted or gained
        variations[rows] = make(kept.action[rows], count, rows)
        before = kept.gain
        kept = vary(trials, kept, variations, objective)
        idle = np.where(kept.gain > before, 0, idle + count)
        rows = np.flatnonzero(idle < patience)
    return kept


def merge(kept: Kept, actions: NDArray[np.int64], gains: NDArray[np.float32]) -> Kept:
    """The best of those kept and of actions int64 [n, P, K] with gains float32 [n, P] above 0; each only once."""
    keep = kept.gains.shape[1]
    if keep > 1:
        gains = np.where(repeated(kept.actions, actions), 0, gains)
    rows = np.arange(len(actions))[:, None]
    all_gains = np.concatenate([kept.gains, gains], 1)
    all_actions = np.concatenate([kept.actions, actions], 1)
    order = np.argsort(-all_gains, 1, kind="stable")[:, :keep]
    best = order[:, 0] - keep
    index = np.where(best >= 0, best, kept.index)
    return Kept(all_actions[rows, order], np.maximum(all_gains[rows, order], 0), index)


def repeated(known: NDArray[np.int64], actions: NDArray[np.int64]) -> NDArray[np.bool_]:
    """bool [n, P], which of actions int64 [n, P, K] are among int64 [n, B, K], or among those before them."""
    both = np.concatenate([known, actions], 1)
    same = (actions[:, :, None] == both[:, None]).all(-1)  # [n, P, B + P]
    before = np.arange(both.shape[1]) < known.shape[1] + np.arange(actions.shape[1])[:, None]
    found: NDArray[np.bool_] = (same & before).any(-1)
    return found
