"""Clock of a run: training time, which stands still if nothing is learned, and for how long nothing was."""

from __future__ import annotations

import statistics
import time
from collections import deque
from collections.abc import Callable
from typing import Any

#: Gaps between updates whose median says how long an update usually takes.
GAPS = 100


class TrainingClock:
    """Counts the time between updates as training, unless one takes far longer than usual.

    Attributes:
        seconds: Training time so far.
    """

    #: Seconds without an update that count as training, at least; more if updates take long.
    grace_seconds = 10.0
    #: The same in usual gaps between updates.
    grace_gaps = 5.0

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self.now = now
        self.seconds = 0.0
        self.gaps: deque[float] = deque(maxlen=GAPS)
        self.mark: Any = None
        self.last = self.progress_at = now()

    @property
    def usual_gap(self) -> float:
        """Median of the seconds between updates; 0 before the second."""
        return statistics.median(self.gaps) if self.gaps else 0.0

    @property
    def idle(self) -> float:
        """Seconds since the last update, or since training began or went on."""
        return self.now() - self.progress_at

    def resume(self) -> None:
        """Begin to count: time since the last tick was spent on other things."""
        now = self.now()
        self.progress_at += now - self.last
        self.last = now

    def restart(self) -> None:
        """Begin to count anew after a wait that is known and over."""
        self.last = self.progress_at = self.now()

    def tick(self, mark: Any) -> None:
        """Count the time since the last tick.

        Args:
            mark: Changes with each update.
        """
        now = self.now()
        if mark != self.mark:
            if self.mark is not None:
                self.gaps.append(now - self.progress_at)
            self.mark, self.progress_at = mark, now
        if now - self.progress_at <= max(self.grace_seconds, self.grace_gaps * self.usual_gap):
            self.seconds += now - self.last
        self.last = now
