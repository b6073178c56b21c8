"""Rate limiter that keeps samples and inserts in proportion, whatever the machine's speed."""

from __future__ import annotations


class SampleToInsertLimiter:
    """Keeps samples and inserts in proportion: the side that is ahead waits (as in Reverb, Cassirer et al. 2021).

    Attributes:
        inserted: Transitions that have arrived. Requests in flight are not counted, because they may be lost with their
            actor; pass their number to `may_insert`.
        sampled: Transitions that learners drew, or were asked to draw.
    """

    def __init__(self, samples_per_insert: float, slack: int, warmup: int) -> None:
        """Set the proportion.

        Args:
            samples_per_insert: How often a transition is sampled on average; 0 does not limit either side.
            slack: Transitions that actors may be ahead or behind.
            warmup: Transitions that arrive before the first sample.
        """
        self.ratio, self.slack, self.warmup = samples_per_insert, slack, warmup
        self.inserted = self.sampled = 0

    @property
    def ahead(self) -> float:
        """Transitions by which inserts are ahead of those that the samples so far need; negative if behind."""
        return self.inserted - self.warmup - (self.sampled / self.ratio if self.ratio else 0.0)

    def may_insert(self, count: int, in_flight: int = 0) -> bool:
        """Tell whether actors may add `count` transitions to those in flight; a block may exceed the slack."""
        return not self.ratio or self.ahead + in_flight + count <= max(self.slack, count)

    def may_sample(self, count: int) -> bool:
        """Tell whether learners may draw `count` transitions."""
        if self.inserted < self.warmup:
            return False
        return not self.ratio or self.ahead - count / self.ratio >= -max(self.slack, count / self.ratio)
