"""Batches of sampled transitions, some of them relabeled with a task that they happened to solve.

Hindsight relabeling (Andrychowicz et al. 2017, arXiv 1707.01495) needs a reward that can be computed again. Worlds that
split it into stored `features` and a cheap `score` have `Rules`.
"""

from __future__ import annotations

from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from learners.transitions import Columns

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]


@runtime_checkable
class Rules(Protocol):
    """A world's knowledge of its tasks, as pure functions of stored transitions."""

    def score(self, features: Floats, source: Floats, task: Ints) -> Floats:
        """Rewards float32 [N] of stored features [N, F] and source [N, S] under tasks int64 [N]."""

    def relabel(self, features: Floats, source: Floats, task: Ints, rng: np.random.Generator) -> Ints:
        """Tasks int64 [N] that the outcomes solve; `task` itself for outcomes that solve none."""

    def retell(self, observation: Floats, task: Ints) -> Floats:
        """Observations float32 [N, O], changed to ask for the tasks int64 [N]."""


def learner_columns(records: NDArray[Any], rules: Rules | None, share: float, rng: np.random.Generator) -> Columns:
    """Columns of N sampled transitions for a learner.

    Args:
        records: structured [N], of a `learners.transitions.TransitionLayout`. If they have no column
            `next_observation` (episodes of one step), the observation takes its place.
        rules: of the world, or None.
        share: share of the transitions to relabel, in [0, 1].
        rng: chooses the transitions, and among tasks.

    Returns:
        `observation` [N, O], `action` [N, A], `reward` and `discount` [N], `next_observation` [N, O];
        float32.
    """
    names = records.dtype.names or ()
    columns: Columns = {
        name: np.ascontiguousarray(records[name])
        for name in ("observation", "action", "reward", "discount", "next_observation")
        if name in names
    }
    if rules is not None and share > 0:
        rows = np.flatnonzero(rng.random(len(records)) < share)
        chosen = records[rows]
        asked = np.ascontiguousarray(chosen["task"])
        task = rules.relabel(chosen["features"], chosen["source"], asked, rng)
        other = task != asked
        rows, chosen, task = rows[other], chosen[other], task[other]
        if len(rows):
            columns["reward"][rows] = rules.score(
                np.ascontiguousarray(chosen["features"]), np.ascontiguousarray(chosen["source"]), task
            )
            for name in ("observation", "next_observation"):
                if name in columns:
                    columns[name][rows] = rules.retell(columns[name][rows], task)
    columns.setdefault("next_observation", columns["observation"])
    return columns
