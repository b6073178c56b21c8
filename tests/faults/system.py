"""A run, a population, or a run on nodes, watched from outside: its rows, its processes, what it leaves."""

from __future__ import annotations

import itertools
import os
import re
import signal
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psutil

from cluster.metrics.log import read_metrics
from tests.faults.parts import RUN_PARTS, Part, processes_of
from tests.helpers.tiny_run import end, family, launch, make_images, options, running

Row = dict[str, Any]
#: Settings of the systems of the campaign, besides `tiny_run.TINY`.
RUN = {"minutes": 600, "actors": 2, "policy_learners": 1, "discriminator_learners": 1, "checkpoint_minutes": 0.5}
#: Seconds within which a system goes on, or starts, on a machine that is busy with other things.
PATIENCE = 600.0
#: Seconds within which it begins, for the first time.
BEGIN_SECONDS = 1800.0
#: Seconds after a fault in which updates that were under way may still end.
UNDER_WAY_SECONDS = 20.0
#: Seconds within which its processes leave after its end.
LEAVING_SECONDS = 120.0


class System:
    """A run of one command with `--or-resume`, which is given again when its driver ended.

    Attributes:
        parts: What can be struck.
        seen: All processes that it ever had.
    """

    name = "run"
    parts: Sequence[Part] = RUN_PARTS
    #: Whether it has gone on only when all its parts are there again.
    waits_for_whole = False

    def __init__(self, home: Path) -> None:
        """Use `home`, an empty folder, for everything that it writes."""
        home.mkdir(parents=True, exist_ok=True)
        self.home, self.run, self.log = home, home / "run", home / "log"
        self.images = make_images(home / "images")
        self.driver: subprocess.Popen[bytes] | None = None
        self.seen: dict[int, psutil.Process] = {}

    @property
    def arguments(self) -> list[str]:
        """The command's."""
        return ["train", str(self.images), "--run", str(self.run), "--or-resume", *options(**RUN)]

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

    def victims(self, part: Part) -> list[list[psutil.Process]]:
        """The processes of a part, one of which is struck; of a node all processes are, at once."""
        return [[process] for process in processes_of(part, self.pid)] if self.alive else []

    def rows(self) -> list[list[Row]]:
        """All rows of metrics so far, of each thing that trains."""
        path = self.run / "metrics.jsonl"
        return [read_metrics(path) if path.exists() else []]

    def events(self) -> bytes:
        """The record of which nothing may be lost; empty if there is none."""
        return b""

    def mark(self) -> None:
        """Remember what the next fault may change."""

    def whole(self, since: float) -> bool:
        """Whether all its parts are there again, after a fault that was over at this time."""
        return True

    def mend(self) -> None:
        """Do what a person, or a cluster, does after a fault, besides giving the command again."""

    def wait_until_training(self, since: float, *, again: bool, seconds: float = PATIENCE) -> float | None:
        """Wait for updates well after a fault; give the command again if its driver ended and `again` is set.

        Updates that were under way may still end, so there must be one that is later than that. What is left of a
        driver that ended may go on for some seconds; only what the new one trains counts then.

        Returns:
            Seconds of the longest time without an update, of all that trains; None if it never came.
        """
        resumed = False
        while time.time() < since + seconds:
            self.look()
            if not self.alive:
                if not again:
                    return None
                resumed = True
                self.start()
            gaps = [longest_gap(rows, since, resumed=resumed) for rows in self.rows()]
            if None not in gaps and self.whole(since):
                return float(max(gaps)) if not self.waits_for_whole else time.time() - since
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
        """What there is still of it two minutes after its end, which is then removed: processes, temporary files.

        Ray's processes notice the end of their node by themselves; on a machine that is full that takes its time.
        """
        deadline = time.monotonic() + LEAVING_SECONDS
        while running(self.seen.values()) and time.monotonic() < deadline:
            time.sleep(1.0)
        left = [f"process {process.pid} {process.name()}" for process in running(self.seen.values())]
        left += [str(path) for path in self.run.rglob(".tmp-*")]
        numbers = {str(pid) for pid in self.seen}
        left += [str(path) for path in Path("/dev/shm").iterdir() if numbers & set(re.findall(r"\d+", path.name))]
        if self.driver is not None:
            end(self.driver, self.seen.values())
        return left


def longest_gap(rows: list[Row], since: float, *, resumed: bool) -> float | None:
    """Seconds of the longest time without an update after a fault, to the first one that is no more under way.

    Args:
        rows: Of metrics.
        since: Time of the fault.
        resumed: Count updates after a resume only.

    Returns:
        None if there is no such update yet.
    """
    later = [row for row in rows if row["time"] > since]
    if resumed:
        later = list(itertools.dropwhile(lambda row: row.get("event") != "resume", later))
    updates = [row["time"] for row in later if row.get("policy/loss") is not None]
    last = next((moment for moment in updates if moment > since + UNDER_WAY_SECONDS), None)
    if last is None:
        return None
    moments = [since, *(moment for moment in updates if moment <= last)]
    return max(after - before for before, after in itertools.pairwise(moments))


def longest_silence(rows: list[Row], since: float, until: float) -> float:
    """Seconds of the longest time without an update and without a note."""
    moments = [since]
    updates = -1
    for row in rows:
        if since <= row["time"] <= until and (row.get("note") or row.get("event") or row.get("update") != updates):
            moments.append(row["time"])
        updates = row.get("update", updates)
    moments.append(until)
    return max(later - earlier for earlier, later in itertools.pairwise(moments))


def training_lost(rows: list[Row], since: float) -> float:
    """Seconds of training that were made again, after a fault at this time; 0 if no checkpoint was gone back to."""
    resumed = next((n for n, row in enumerate(rows) if row["time"] > since and row.get("event") == "resume"), None)
    if resumed is None:
        return 0.0
    before = [row["elapsed_s"] for row in rows[:resumed] if "elapsed_s" in row]
    after = [row["elapsed_s"] for row in rows[resumed:] if "elapsed_s" in row]
    return max(0.0, before[-1] - after[0]) if before and after else 0.0
