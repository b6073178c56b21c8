"""The record of a population: a file of JSON lines that a SIGKILL can not break."""

from __future__ import annotations

import fcntl
import json
import math
import os
import time
from pathlib import Path
from typing import Any

from cluster.metrics.log import cut_torn_line, read_metrics
from cluster.population.lineage.schema import fault
from cluster.runs.folder import RunFolderError

Event = dict[str, Any]

# Processes of a killed driver end some seconds after it; the next driver's wait that long for their locks.
LOCK_SECONDS = 60.0


class EventFile:
    """An append-only file of events, synced to disk when `append` returns. One process at a time has the file open.

    Attributes:
        events: all events so far, those found in the file included.
    """

    def __init__(self, path: str | Path, *, lock_seconds: float = LOCK_SECONDS) -> None:
        """Open or make the file; cuts off a half-written last line, on which nobody can have acted.

        Raises:
            RunFolderError: another process has it open, also after `lock_seconds`.
            ValueError: a line is not an event, or one is missing.
        """
        self.path = Path(path)
        self._descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
        try:
            lock(self._descriptor, f"{self.path}", lock_seconds)
            cut_torn_line(self.path)
            self.events = read_events(self.path)
        except BaseException:
            os.close(self._descriptor)
            raise

    def append(self, *events: Event) -> None:
        """Write events after the others, numbered `n`, all at once."""
        numbered = [{"n": len(self.events) + place, **event} for place, event in enumerate(events)]
        content = b"".join(json.dumps(event, allow_nan=False).encode() + b"\n" for event in numbered)
        write_whole(self._descriptor, content)
        self.events += numbered

    def close(self) -> None:
        """Close the file and give its lock back."""
        os.close(self._descriptor)


def write_whole(descriptor: int, content: bytes) -> None:
    """Append to an open file, synced to disk; if that fails, for want of room say, nothing of it stays."""
    size = os.fstat(descriptor).st_size
    try:
        written = 0
        while written < len(content):
            written += os.write(descriptor, content[written:])
        os.fsync(descriptor)
    except BaseException:
        os.ftruncate(descriptor, size)
        raise


def read_events(path: str | Path) -> list[Event]:
    """All events of a record, also while it is being written.

    Raises:
        ValueError: names the line that is not an event, or whose number does not follow the one before.
    """
    events = read_metrics(path) if Path(path).exists() else []
    for number, event in enumerate(events):
        if event.get("n") != number or not isinstance(event.get("event"), str):
            raise ValueError(f"{path} line {number + 1}: expected event {number}, got {str(event)[:60]}")
        if wrong := fault(event):
            raise ValueError(f"{path} line {number + 1}: {event['event'][:40]} has no right {wrong}")
    return events


def lock(descriptor: int, what: str, seconds: float) -> None:
    """Lock an open file for this process, waiting at most `seconds`."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise RunFolderError(f"{what} is open in another process: wait for it or end it") from None
            time.sleep(0.2)


def finite(value: float | None) -> float | None:
    """A number that JSON can hold; None for one that it can not, and for none."""
    return value if value is not None and math.isfinite(value) else None
