"""Rewards of a painted episode: the discriminator's judgement and penalties, two of them the paper's."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from envs.spec import ADD, SKIP


def stroke_starts(flags: Tensor, previous: Tensor | None = None) -> Tensor:
    """Where a continuous stroke begins: bool [T, B] from flags int64 [T, B] (0 does not paint).

    ``previous`` is the flag int64 [B] before the first one; an episode begins with a lifted brush.
    """
    painting = flags != 0
    first = torch.zeros_like(painting[:1]) if previous is None else (previous != 0)[None]
    return painting & ~torch.cat([first, painting[:-1]])


def painted_nothing(flags: Tensor) -> Tensor:
    """Episodes without a single visible stroke: bool [B] from flags int64 [T, B]."""
    return ~(flags != 0).any(0)


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
        flags: int64 [T, B], not 0 where the action painted.
        stroke_start_penalty: taken off at each start of a continuous stroke.
        empty_canvas_penalty: taken off at the last step of an episode that painted nothing.
        addition_penalty: taken off for each action that adds (flag 1).
        previous_flag: int64 [B], the flag before the first; None at the start of the episodes.
        painted: bool [B], whether anything was painted before; None at the start of the episodes.
        ends: bool [B], whose last step this batch holds; None: all episodes end.

    Returns:
        float32 [T, B].
    """
    if scores.ndim == 2:
        rewards = scores[1:] - scores[:-1]
    else:
        rewards = scores.new_zeros(flags.shape)
        rewards[-1] = scores if ends is None else scores * ends
    rewards = rewards - stroke_start_penalty * stroke_starts(flags, previous_flag) - addition_penalty * (flags == ADD)
    blank = painted_nothing(flags)
    if painted is not None:
        blank &= ~painted
    if ends is not None:
        blank &= ends
    rewards[-1] -= empty_canvas_penalty * blank
    return rewards


def worth_imitating(distances: Tensor, flags: Tensor, *, discount: float, addition_penalty: float = 0.0) -> Tensor:
    """Which actions of finished paintings are an example of how to paint them.

    Those whose discounted return is above 0 where every action is paid what it takes off the distance; and where
    nothing is left to do, doing nothing. With a discount of 0 what was painted over later, and idling before the end,
    is no example; with higher ones, what a later action made good is (as in self-imitation, Oh et al. 2018, section 3,
    only what paid is imitated).

    Args:
        distances: float32 [T + 1, B], of every canvas to the last one, in units of reward.
        flags: int64 [T, B].
        discount: gamma.
        addition_penalty: see :func:`episode_rewards`.

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
    """What each painting's rewards sum up to before penalties, float32 [B]: its final score, float32 [B], or, of scores
    [T + 1, B] of every canvas, the gain from the first to the last.

    The two spread alike where all begin with the same canvas and no target; how good a blank canvas is for this target
    or that is no merit of a painter's.
    """
    return scores[-1] - scores[0] if scores.ndim == 2 else scores


@dataclass
class ScoreNormalizer:
    """Running mean and spread of what a batch earned, so that rewards keep their scale while scores wander.

    Attributes:
        mean: running mean of the batch means.
        std: running mean of the batch standard deviations.
        count: number of batches seen; the first hundred are averaged evenly, later ones with weight 0.01.
        floor: the least that scores are divided by.
    """

    mean: float = 0.0
    std: float = 1.0
    count: int = 0
    floor: float = 1e-3

    def take(self, mean: float, std: float) -> None:
        """Take in mean and standard deviation of what one batch earned."""
        self.count += 1
        weight = max(0.01, 1 / self.count)
        self.mean += weight * (mean - self.mean)
        self.std += weight * (std - self.std)

    def __call__(self, scores: Tensor) -> Tensor:
        """(scores - mean) / std for final scores [B]; scores / std for [T + 1, B], as differences cancel the mean."""
        scale = 1 / max(self.std, self.floor)
        if scores.ndim == 2:
            return scores * scale
        return (scores - self.mean) * scale
