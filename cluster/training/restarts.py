"""Budget of restarts: how often a run may go on from its last checkpoint after the death of a learner."""

from __future__ import annotations

import time
from collections import deque

#: Restarts in an hour, because of learners that died, before a run gives up. More hides a lasting fault for longer.
LEARNER_RESTARTS = 3
HOUR = 3600.0


class RestartBudget:
    """Counts the restarts of the last hour.

    Attributes:
        most: Restarts that are allowed in an hour.
    """

    def __init__(self, most: int = LEARNER_RESTARTS) -> None:
        self.most = most
        self.times: deque[float] = deque()

    def allows(self) -> bool:
        """Count a restart; returns False if there were too many in the last hour."""
        now = time.monotonic()
        self.times.append(now)
        while self.times[0] < now - HOUR:
            self.times.popleft()
        return len(self.times) <= self.most
