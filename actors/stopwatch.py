"""Wall time by activity."""

from __future__ import annotations

import time
from collections import defaultdict


class Stopwatch:
    """Wall time of activities that follow each other.

    Attributes:
        seconds: wall time of each activity so far, in seconds.
    """

    def __init__(self) -> None:
        self.seconds: defaultdict[str, float] = defaultdict(float)
        self.start()

    def start(self) -> None:
        """Begin an activity now; the time since the last lap counts for none."""
        self._since = time.perf_counter()

    def lap(self, activity: str) -> None:
        """End an activity: add the time since the last start or lap to it. The next one begins now."""
        now = time.perf_counter()
        self.seconds[activity] += now - self._since
        self._since = now
