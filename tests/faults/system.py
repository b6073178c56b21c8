"""A run, or a population, of the command line, watched from outside: its rows, its processes, what it leaves."""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import psutil

from cluster.metrics.log import read_metrics
from tests.helpers.tiny_run import end, family, launch, running

#: Settings of the runs of the campaign, besides `tiny_run.TINY`.
RUN = {"minutes": 600, "actors": 2, "policy_learners": 1, "discriminator_learners": 1, "checkpoint_minutes": 0.5}
#: Seconds within which a system goes on, or starts, on a machine that is busy with other things.
PATIENCE = 600.0


class System:
    """One command with `--or-resume`, which is given again when its driver ended.

    Attributes:
        seen: All processes that it ever had.
    """

    def __init__(self, arguments: list[str], run: Path, log: Path) -> None:
        self.arguments, self.run, self.log = arguments, run, log
        self.driver: subprocess.Popen[bytes] | None = None
        self.seen: dict[int, psutil.Process] = {}

    @property
    def pid(self) -> int:
        """The driver's process id."""
        assert self.driver is not None
        return self.driver.pid

    @property
    def alive(self) -> bool:
        """Whether the driver runs."""
        return self.driver is not None and self.driver.poll() is None

    def start(self) -> None:
        """Give the command."""
        self.driver = launch(self.arguments, self.log)

    def look(self) -> None:
        """Remember the processes that there are now."""
        if self.alive:
            self.seen |= {process.pid: process for process in family(self.pid)}

    def rows(self) -> list[dict[str, Any]]:
        """All rows of metrics so far."""
        path = self.run / "metrics.jsonl"
        return read_metrics(path) if path.exists() else []

    def trained(self, since: float) -> dict[str, Any] | None:
        """The newest row of an update that was made after this time; None for none."""
        rows = [row for row in self.rows() if row["time"] > since and row.get("policy/loss") is not None]
        return rows[-1] if rows else None

    def wait_until_training(self, since: float, *, again: bool) -> float | None:
        """Wait for updates after a time; give the command again if its driver ended and `again` is set.

        Returns:
            Seconds that it took; None if it never came.
        """
        while time.time() < since + PATIENCE:
            self.look()
            if not self.alive:
                if not again:
                    return None
                self.start()
            if (row := self.trained(since)) is not None:
                return float(row["time"] - since)
            time.sleep(1.0)
        return None

    def interrupt(self) -> int | None:
        """End it by SIGTERM to its process group; returns the exit status, None if it did not end."""
        self.look()
        if self.alive:
            os.killpg(self.pid, signal.SIGTERM)
        assert self.driver is not None
        try:
            return self.driver.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            return None

    def left_behind(self) -> list[str]:
        """What there is still of it half a minute after its end, which is then removed: processes, temporary files."""
        deadline = time.monotonic() + 30
        while running(self.seen.values()) and time.monotonic() < deadline:
            time.sleep(1.0)
        left = [f"process {process.pid} {process.name()}" for process in running(self.seen.values())]
        left += [str(path) for path in self.run.rglob(".tmp-*")]
        left += [str(path) for path in Path("/dev/shm").iterdir() if any(str(pid) in path.name for pid in self.seen)]
        if self.driver is not None:
            end(self.driver, self.seen.values())
        return left


def longest_silence(rows: list[dict[str, Any]], since: float, until: float) -> float:
    """Seconds of the longest time without an update and without a note."""
    moments = [since]
    updates = -1
    for row in rows:
        if since <= row["time"] <= until and (row.get("note") or row.get("event") or row["update"] != updates):
            moments.append(row["time"])
        updates = row["update"]
    moments.append(until)
    return max(later - earlier for earlier, later in itertools.pairwise(moments))


def training_lost(rows: list[dict[str, Any]], since: float) -> float:
    """Seconds of training that were made again, after a fault at this time; 0 if no checkpoint was gone back to."""
    resumed = next((n for n, row in enumerate(rows) if row["time"] > since and row.get("event") == "resume"), None)
    if resumed is None:
        return 0.0
    before = [row["elapsed_s"] for row in rows[:resumed] if "elapsed_s" in row]
    after = [row["elapsed_s"] for row in rows[resumed:] if "elapsed_s" in row]
    return max(0.0, before[-1] - after[0]) if before and after else 0.0
