"""Starvation: a memory limit of the kernel around processes that run already."""

from __future__ import annotations

import contextlib
import itertools
import os
import time
from collections.abc import Sequence
from pathlib import Path

import psutil

#: Bytes that the processes may take from the system, all together, beyond those that they hold.
ALLOWED = 1 << 20
#: Seconds for which the limit holds, and for which it still does after the kernel has killed one of them.
STARVED_SECONDS, AFTER_SECONDS = 60.0, 5.0

V1, V2 = Path("/sys/fs/cgroup/memory"), Path("/sys/fs/cgroup")
_numbers = itertools.count()


class MemoryGroup:
    """A control group with a memory limit, for processes that run already; it is removed at the end.

    What they hold stays charged elsewhere, so the limit is on what they take from now on. If they need more, the kernel
    ends one of them, as on a machine that is full.

    Raises:
        OSError: This machine does not let this user make one.
    """

    def __init__(self) -> None:
        old = (V1 / "memory.limit_in_bytes").exists()
        self.path = (V1 if old else V2) / f"impasto-faults-{os.getpid()}-{next(_numbers)}"
        self.path.mkdir()
        self.kills_file = self.path / ("memory.oom_control" if old else "memory.events")
        self.parent, self.came_from = self.path.parent, {}  # type: ignore[var-annotated]
        self.controller = "memory" if old else ""
        if not old:
            (self.path / "memory.swap.max").write_text("0")
        (self.path / ("memory.limit_in_bytes" if old else "memory.max")).write_text(str(ALLOWED))

    def take(self, process: psutil.Process) -> None:
        """Move a process in."""
        lines = [line.split(":", 2) for line in Path(f"/proc/{process.pid}/cgroup").read_text().splitlines()]
        own = next(path for _, controllers, path in lines if self.controller in controllers.split(","))
        self.came_from[process.pid] = own
        (self.path / "cgroup.procs").write_text(str(process.pid))

    @property
    def kills(self) -> int:
        """Processes that the kernel has ended in it for want of memory."""
        words = self.kills_file.read_text().split()
        return int(words[words.index("oom_kill") + 1])

    def close(self) -> None:
        """Let those go that live, and their children, and remove the group."""
        home = next(iter(self.came_from.values()), "/")
        deadline = time.monotonic() + 10.0
        while time.monotonic() < deadline:
            for pid in (self.path / "cgroup.procs").read_text().split():
                place = self.parent / self.came_from.get(int(pid), home).lstrip("/") / "cgroup.procs"
                with contextlib.suppress(OSError):
                    place.write_text(pid)
            with contextlib.suppress(OSError):  # a process is on its way out
                return self.path.rmdir()
            time.sleep(0.2)


def starve(processes: Sequence[psutil.Process]) -> int | None:
    """Let processes take no more memory from the system for a minute, or until the kernel has killed one of them.

    Returns:
        How many the kernel has killed; None if this machine has no control groups for us: then the limit is one of
        address space, which a process may never meet.
    """
    try:
        group = MemoryGroup()
    except OSError:
        for process in processes:
            with contextlib.suppress(psutil.NoSuchProcess):
                for limit in (psutil.RLIMIT_AS, psutil.RLIMIT_DATA):
                    process.rlimit(limit, (0, 0))
        return None
    try:
        for process in processes:
            with contextlib.suppress(OSError):  # it has just ended
                group.take(process)
        deadline = time.monotonic() + STARVED_SECONDS
        while time.monotonic() < deadline:
            time.sleep(0.2)
            if group.kills:
                deadline = min(deadline, time.monotonic() + AFTER_SECONDS)
            if not any(process.is_running() for process in processes):
                break
        return group.kills
    finally:
        group.close()
