"""A thread that says what a run waits for, whenever it makes no progress for half a minute."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

#: Seconds without progress after which a run says so, at least; more, up to the second, if updates take long.
STALL_SECONDS, LONGEST_SILENCE = 30.0, 50.0
#: The same in usual gaps between updates.
STALL_GAPS = 5.0
SECONDS_BETWEEN_LOOKS = 1.0
#: Seconds between two notes of one stall.
SECONDS_BETWEEN_NOTES = 10.0


def silence(usual_gap: float) -> float:
    """Return the seconds without an update after which a run says so, for this usual gap between updates."""
    return min(LONGEST_SILENCE, max(STALL_SECONDS, STALL_GAPS * usual_gap))


class StallWatch:
    """Watches a run from a daemon thread, so that it says what it waits for also if its own thread hangs.

    Attributes:
        note: What the run waits for, in a line; empty as long as it makes progress.
    """

    def __init__(self, on_note: Callable[[str, float], None]) -> None:
        """Start watching.

        Args:
            on_note: Called in the watch's thread with the note and the seconds without progress, every ten seconds of a
                stall; its errors are ignored.
        """
        self.on_note = on_note
        self.note = ""
        self.stage = ""
        self.idle: Callable[[], float] = lambda: 0.0
        self.waits_for: Callable[[], str] = lambda: ""
        self.limit: Callable[[], float] = lambda: STALL_SECONDS
        self.ended = threading.Event()
        threading.Thread(target=self.follow, name="stall-watch", daemon=True).start()

    @contextmanager
    def watching(
        self,
        stage: str,
        waits_for: Callable[[], str] = lambda: "",
        idle: Callable[[], float] | None = None,
        limit: Callable[[], float] = lambda: STALL_SECONDS,
    ) -> Iterator[None]:
        """Watch what is done inside; the stage around it is watched again afterwards.

        Args:
            stage: Name of what is done, as in "no progress for 40 s in STAGE".
            waits_for: Says what is waited for, in a line.
            idle: Seconds since the last progress; None counts from now.
            limit: Seconds after which the run says so.
        """
        outer = self.stage, self.waits_for, self.idle, self.limit
        begin = time.monotonic()
        since = idle or (lambda: time.monotonic() - begin)
        self.stage, self.waits_for, self.idle, self.limit = stage, waits_for, since, limit
        try:
            yield
        finally:
            self.stage, self.waits_for, self.idle, self.limit = outer

    def follow(self) -> None:
        """Look each second, and write a note every ten seconds of a stall; the thread's work."""
        noted = 0.0
        while not self.ended.wait(SECONDS_BETWEEN_LOOKS):
            try:
                idle = self.idle()
                if idle <= self.limit():
                    self.note, noted = "", 0.0
                elif time.monotonic() - noted >= SECONDS_BETWEEN_NOTES:
                    self.say(idle)
                    noted = time.monotonic()
            except Exception:  # a disk that is full, a view that is closed: the watch goes on
                continue

    def say(self, idle: float) -> None:
        """Write a note of a stall that has lasted `idle` seconds."""
        reason = self.waits_for()
        self.note = f"no progress for {idle:.0f} s in {self.stage}{f': {reason}' if reason else ''}"
        self.on_note(self.note, idle)

    def close(self) -> None:
        """Watch no more."""
        self.ended.set()
