"""How often a transition is learned from, as a setting instead of an accident of the machine's speed."""

from __future__ import annotations


class SampleToInsertLimiter:
    """Keeps samples and inserts in proportion; whoever is ahead waits (as in Reverb, Cassirer et al. 2021).

    Attributes:
        inserted: transitions that have arrived. What is ordered may die with its actor, and is given to
            :meth:`may_insert` instead.
        sampled: transitions that learners drew or were ordered to draw.
    """

    def __init__(self, samples_per_insert: float, slack: int, warmup: int) -> None:
        """``slack``: transitions that actors may be ahead or behind; ``warmup``: that come before any sample.

        ``samples_per_insert`` 0 lets both go, once warmed up.
        """
        self.ratio, self.slack, self.warmup = samples_per_insert, slack, warmup
        self.inserted = self.sampled = 0

    @property
    def ahead(self) -> float:
        """Transitions by which inserts are ahead of what the samples so far ask for; negative: behind."""
        return self.inserted - self.warmup - (self.sampled / self.ratio if self.ratio else 0.0)

    def may_insert(self, count: int, on_their_way: int = 0) -> bool:
        """Whether actors may add ``count`` transitions to those on their way; a block may exceed the slack."""
        return not self.ratio or self.ahead + on_their_way + count <= max(self.slack, count)

    def may_sample(self, count: int) -> bool:
        """Whether learners may draw ``count`` transitions."""
        if self.inserted < self.warmup:
            return False
        return not self.ratio or self.ahead - count / self.ratio >= -max(self.slack, count / self.ratio)
