"""Trajectories: batches of episodes as actors record them, plain arrays without torch."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from learners.settings import ComputedPrecision


@dataclass
class Before:
    """State of B episodes before the first action of a batch, if the batch does not begin with the episodes.

    Attributes:
        step: int64 [B], actions taken so far.
        previous_action: int16 [B, K], the last of these actions.
        painted: bool [B], true if any of these actions painted.
        state: float32 [B, S], recurrent state of the policy that acted.
    """

    step: NDArray[np.int64]
    previous_action: NDArray[np.int16]
    painted: NDArray[np.bool_]
    state: NDArray[np.float32]

    @classmethod
    def join(cls, parts: list[Before]) -> Before:
        """Several batches' states side by side, as one."""
        return cls(*(np.concatenate([getattr(part, each.name) for part in parts]) for each in fields(cls)))


@dataclass
class Searched:
    """Choices of a search in the situations of a `Trajectory`.

    Attributes:
        action: int16 [T, B, M, K], the best M strokes; flag 0 if nothing was better than leaving the canvas as it was.
        weight: float32 [T, B, M], how much each counts: its gain as a multiple of the best strokes' mean at the same
            step, at most 2.
        own: bool [B], true for episodes that went on with the policy's own strokes.
        by_policy: share of the choices that the policy had proposed.
        gain: mean gain of a choice.
    """

    action: NDArray[np.int16]
    weight: NDArray[np.float32]
    own: NDArray[np.bool_]
    by_policy: float
    gain: float

    @classmethod
    def join(cls, parts: list[Searched]) -> Searched:
        """Several batches' choices side by side, as one."""
        return cls(
            np.concatenate([part.action for part in parts], 1),
            np.concatenate([part.weight for part in parts], 1),
            np.concatenate([part.own for part in parts]),
            float(np.mean([part.by_policy for part in parts])),
            float(np.mean([part.gain for part in parts])),
        )


@dataclass
class Trajectory:
    """T actions of B episodes, time major: whole episodes, or an unroll, which is a piece of longer ones.

    All data are plain arrays, which Ray moves without copies.

    Attributes:
        canvas: uint8 [T + 1, B, H, W, C], the canvas before each action and the final one.
        action: int16 [T, B, K] in spec order; components that an action does not use may hold anything.
        log_prob: float32 [T, B], joint log-probability under the policy that acted.
        noise: float32 [B, Z], the noise of each episode.
        version: policy updates behind the weights that acted, the oldest of them if they changed meanwhile.
        actor: index of the actor.
        target: uint8 [B, H, W, C], the image that each episode was to reproduce; None for a free painter.
        before: state of the episodes before this batch; None for batches that begin with the episodes.
        ends: bool [B], true for episodes that end with this batch; None if all do.
        play: whole episodes of random actions that the actor made besides; None if it made none.
        searched: choices of a search in these situations; None if the policy acted alone.
        precision: in which the policy that acted was computed; None if no policy was. The learner computes it likewise,
            because at equal weights two precisions are two policies, whose difference V-trace would take for lag.
        versions: int64 [T, B], policy updates behind the weights of each action; None if it is `version` for all.
    """

    canvas: NDArray[np.uint8]
    action: NDArray[np.int16]
    log_prob: NDArray[np.float32]
    noise: NDArray[np.float32]
    version: int
    actor: int
    target: NDArray[np.uint8] | None = None
    before: Before | None = None
    ends: NDArray[np.bool_] | None = None
    play: Trajectory | None = None
    searched: Searched | None = None
    precision: ComputedPrecision | None = None
    versions: NDArray[np.int64] | None = None

    @property
    def steps(self) -> int:
        """Number of environment steps, T * B, and those of `play`."""
        time, batch = self.action.shape[:2]
        return int(time * batch) + (self.play.steps if self.play else 0)

    @property
    def mean_version(self) -> float:
        """Mean over the actions of the policy updates behind their weights."""
        return float(self.version if self.versions is None else self.versions.mean())

    @classmethod
    def join(cls, parts: list[Trajectory]) -> Trajectory:
        """Batches of the same length side by side, as one.

        The version is the oldest, the actor the first, and the precision float32 if the batches differ in it.
        """
        if len(parts) == 1:
            return parts[0]
        targets = [part.target for part in parts if part.target is not None]
        befores = [part.before for part in parts if part.before is not None]
        ends = [part.ends for part in parts if part.ends is not None]
        plays = [part.play for part in parts if part.play is not None]
        searched = [part.searched for part in parts if part.searched is not None]
        mixed = len({part.version for part in parts}) > 1 or any(part.versions is not None for part in parts)
        return cls(
            np.concatenate([part.canvas for part in parts], 1),
            np.concatenate([part.action for part in parts], 1),
            np.concatenate([part.log_prob for part in parts], 1),
            np.concatenate([part.noise for part in parts]),
            min(part.version for part in parts),
            parts[0].actor,
            np.concatenate(targets) if targets else None,
            Before.join(befores) if befores else None,
            np.concatenate(ends) if ends else None,
            cls.join(plays) if plays else None,
            Searched.join(searched) if searched else None,
            parts[0].precision if len({part.precision for part in parts}) == 1 else "float32",
            np.concatenate([part.every_version() for part in parts], 1) if mixed else None,
        )

    def every_version(self) -> NDArray[np.int64]:
        """Policy updates behind the weights of each action, int64 [T, B]."""
        if self.versions is not None:
            return self.versions
        return np.full(self.log_prob.shape, self.version, np.int64)

    def select(self, rows: NDArray[np.bool_]) -> Trajectory:
        """The episodes of these rows, bool [B], without play and search."""
        before = self.before
        return Trajectory(
            self.canvas[:, rows],
            self.action[:, rows],
            self.log_prob[:, rows],
            self.noise[rows],
            self.version,
            self.actor,
            None if self.target is None else self.target[rows],
            before
            and Before(before.step[rows], before.previous_action[rows], before.painted[rows], before.state[rows]),
            None if self.ends is None else self.ends[rows],
            precision=self.precision,
            versions=None if self.versions is None else self.versions[:, rows],
        )
