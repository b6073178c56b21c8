"""CPU time of this process and all below it, from Linux's /proc: Ray's processes, our Redis, the actors."""

from __future__ import annotations

import os
from pathlib import Path


def tree_cpu_seconds(root: int | None = None, proc: Path = Path("/proc")) -> float | None:
    """Sum the CPU-seconds so far of process `root` (this one) and its living descendants; None without /proc."""
    ticks = tree_ticks(os.getpid() if root is None else root, proc)
    return sum(ticks.values()) / os.sysconf("SC_CLK_TCK") if ticks else None


def tree_of(root: int) -> list[int]:
    """List the living descendants of a process; empty without /proc."""
    return [process for process in tree_ticks(root) if process != root]


def tree_ticks(root: int, proc: Path = Path("/proc")) -> dict[int, int]:
    """CPU time so far of process `root` and each of its living descendants, in ticks; empty without /proc."""
    parents: dict[int, int] = {}
    ticks: dict[int, int] = {}
    for entry in proc.glob("[0-9]*/stat"):
        try:
            fields = entry.read_text().rpartition(")")[2].split()  # the name before it may contain anything
        except OSError:
            continue  # it ended meanwhile
        process = int(entry.parent.name)
        parents[process], ticks[process] = int(fields[1]), int(fields[11]) + int(fields[12])
    if root not in ticks:
        return {}
    found = [root]
    for process in found:
        found += [child for child, parent in parents.items() if parent == process]
    return {process: ticks[process] for process in found}


def machine_cpu_seconds(stat: Path = Path("/proc/stat")) -> float | None:
    """Sum the CPU-seconds that everything on this machine has spent since it started; None without /proc."""
    try:
        fields = stat.read_text().split(maxsplit=8)[1:8]
    except OSError:
        return None
    user, nice, system, _idle, _iowait, interrupts, soft = map(int, fields)
    return (user + nice + system + interrupts + soft) / os.sysconf("SC_CLK_TCK")
