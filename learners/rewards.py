"""Rewards of a painted episode: scores of its canvases, and penalties, two of which are the paper's."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from envs.spec import ADD, SKIP


def stroke_starts(flags: Tensor, previous: Tensor | None = None) -> Tensor:
    """Starts of continuous strokes, bool [T, B].

    Args:
        flags: int64 [T, B]; 0 does not paint.
        previous: int64 [B], the flags before the first; None at the start of episodes, which begin with a lifted brush.

    >>> stroke_starts(torch.tensor([[1], [1], [0], [1]])).flatten().tolist()
    [True, False, False, True]
    """
    painting = flags != 0
    first = torch.zeros_like(painting[:1]) if previous is None else (previous != 0)[None]
    return painting & ~torch.cat([first, painting[:-1]])


def episode_rewards(
    scores: Tensor,
    flags: Tensor,
    *,
    stroke_start_penalty: float,
    empty_canvas_penalty: float,
    addition_penalty: float = 0.0,
    previous_flag: Tensor | None = None,
    painted: Tensor | None = None,
    ends: Tensor | None = None,
) -> Tensor:
    """Rewards of episodes or pieces of them (Ganin et al. 2018, sections 3.2 and 4; SPIRAL++ section 3.1).

    Args:
        scores: float32 [B] final scores, paid at the last step, or [T + 1, B] scores of every canvas from the
            first one on, paid as differences D(c_{t+1}) - D(c_t) (temporal credit assignment).
        flags: int64 [T, B], not 0 for actions that painted.
        stroke_start_penalty: taken off at each start of a continuous stroke.
        empty_canvas_penalty: taken off at the last step of an episode that painted nothing.
        addition_penalty: taken off for each action that adds (flag 1).
        previous_flag: int64 [B], the flags before the first; None at the start of the episodes.
        painted: bool [B], true if anything was painted before; None at the start of the episodes.
        ends: bool [B], true for episodes that end with this batch; None if all do.

    Returns:
        float32 [T, B].
    """
    if scores.ndim == 2:
        rewards = scores[1:] - scores[:-1]
    else:
        rewards = scores.new_zeros(flags.shape)
        rewards[-1] = scores if ends is None else scores * ends
    rewards = rewards - stroke_start_penalty * stroke_starts(flags, previous_flag) - addition_penalty * (flags == ADD)
    blank = ~(flags != 0).any(0)
    if painted is not None:
        blank &= ~painted
    if ends is not None:
        blank &= ends
    rewards[-1] -= empty_canvas_penalty * blank
    return rewards


def worth_imitating(distances: Tensor, flags: Tensor, *, discount: float, addition_penalty: float = 0.0) -> Tensor:
    """Selection of the actions of finished paintings that are examples of how to paint them.

    An action is imitated if its discounted return is positive, its reward being the reduction in distance to the final
    canvas; or if it is SKIP and the distance is already 0. With discount 0, strokes that were painted over later are
    excluded; with a larger discount they count if a later action made them useful (as in self-imitation, Oh et al.
    2018, section 3).

    Args:
        distances: float32 [T + 1, B], of every canvas to the final one, in units of reward.
        flags: int64 [T, B].
        discount: gamma.
        addition_penalty: see `episode_rewards`.

    Returns:
        bool [T, B].
    """
    gains = distances[:-1] - distances[1:] - addition_penalty * (flags == ADD)
    returns = torch.zeros_like(gains[0])
    worth = torch.empty_like(gains, dtype=torch.bool)
    for step in reversed(range(len(gains))):
        returns = gains[step] + discount * returns
        worth[step] = returns > 0
    return worth | ((distances[:-1] == 0) & (flags == SKIP))


def earned(scores: Tensor) -> Tensor:
    """Sum of each painting's rewards before penalties, float32 [B].

    It is the final score if `scores` is float32 [B], or the gain from the first canvas to the last if it is [T + 1, B].
    The two have the same spread if all episodes begin with the same canvas and no target. With targets, the score of a
    blank canvas depends on the target and is no merit of the painter.
    """
    return scores[-1] - scores[0] if scores.ndim == 2 else scores


@dataclass
class ScoreNormalizer:
    """Running mean and spread of the scores, so that rewards keep their scale while a discriminator's scores drift.

    Attributes:
        mean: running mean of the batches' means.
        std: running mean of the batches' standard deviations.
        count: number of batches so far; the first hundred are averaged evenly, later ones with weight 0.01.
        floor: smallest divisor of the scores.
    """

    mean: float = 0.0
    std: float = 1.0
    count: int = 0
    floor: float = 1e-3

    def take(self, mean: float, std: float) -> None:
        """Add a batch's mean and standard deviation to the running ones."""
        self.count += 1
        weight = max(0.01, 1 / self.count)
        self.mean += weight * (mean - self.mean)
        self.std += weight * (std - self.std)

    def __call__(self, scores: Tensor) -> Tensor:
        """Normalized scores: (scores - mean) / std for [B]; scores / std for [T + 1, B], whose differences are paid."""
        scale = 1 / max(self.std, self.floor)
        if scores.ndim == 2:
            return scores * scale
        return (scores - self.mean) * scale
