"""The margin beyond the noise that keeps members who are equally good from copying each other by chance.

Truncation compares the best with the worst, so the largest of many differences, which grows with the number of members
upon noise alone: a margin that lets two members copy each other in 5 % of comparisons does so among eight in a third of
them. The margin here is that of the whole comparison, the quantile of its largest difference: among equally good
members somebody copies in the wanted share of comparisons, however many members there are.
"""

from __future__ import annotations

import functools
import math

import numpy as np
import numpy.typing as npt

#: Comparisons of equally good members that are drawn: enough to tell 5 % from 5.1 %.
DRAWS = 100_000
#: Scores that are held at once.
LARGEST_DRAW = 4_000_000


@functools.cache
def margin(significance: float, members: int, exploit: str, share: float) -> float:
    """Standard errors of the difference of two scores by which a donor must be better.

    Args:
        significance: share of comparisons in which equally good members may copy each other; with 1 any difference will
            do.
        members: how many are compared, at least two.
        exploit: `truncation` or `tournament`.
        share: of the members that count as worst, and as best, for `truncation`.
    """
    if significance >= 1.0:
        return 0.0
    return float(np.quantile(largest_differences(members, exploit, share), 1.0 - significance))


@functools.cache
def significance_of(fixed: float, members: int, exploit: str, share: float) -> float:
    """Share of comparisons in which equally good members copy each other with a margin of `fixed` standard errors.

    The other arguments are those of `margin`, which gives `fixed` back.
    """
    if fixed <= 0.0 or members < 2:
        return 1.0
    return max(1.0 / DRAWS, float(np.mean(largest_differences(members, exploit, share) > fixed)))


def largest_differences(members: int, exploit: str, share: float) -> npt.NDArray[np.float64]:
    """Draw the largest difference that comparisons of equally good members would copy upon, in its standard errors."""
    rng = np.random.default_rng(0)  # the same scores give the same decisions
    rows = max(1, LARGEST_DRAW // members)
    parts = [draw(rng, min(rows, DRAWS - done), members, exploit, share) for done in range(0, DRAWS, rows)]
    return np.concatenate(parts)


def draw(
    rng: np.random.Generator, comparisons: int, members: int, exploit: str, share: float
) -> npt.NDArray[np.float64]:
    """Draw so many comparisons for `largest_differences`."""
    scores = rng.standard_normal((comparisons, members))
    if exploit == "truncation":
        scores.sort(axis=1)
        count = max(1, int(share * members))
        mine = scores[:, :count]
        donors = members - 1 - rng.integers(count, size=mine.shape)
    else:
        mine = scores
        donors = (np.arange(members) + rng.integers(1, members, size=mine.shape)) % members
    differences = np.take_along_axis(scores, donors, axis=1) - mine
    largest: npt.NDArray[np.float64] = differences.max(axis=1) / math.sqrt(2.0)
    return largest
