"""CPUs that this process may use: those of its affinity, and no more than its container's quota."""

from __future__ import annotations

import math
import os
from pathlib import Path

CGROUPS = Path("/sys/fs/cgroup")


def available_cpus(root: Path = CGROUPS, membership: Path = Path("/proc/self/cgroup")) -> int:
    """Count the CPUs that work of this process can occupy at a time; at least 1.

    `os.cpu_count` tells those of the machine, also inside a container, a SLURM job or `taskset`.

    Args:
        root: The mounted control groups.
        membership: The file that names this process's groups.
    """
    cpus = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min([cpus, *(math.ceil(quota) for quota in quotas(root, membership))]))


def quotas(root: Path, membership: Path) -> list[float]:
    """The limits of CPU time, in CPUs, of this process's control group and of those above it, of version 1 and 2."""
    try:
        groups = [line.split(":", 2) for line in membership.read_text().splitlines()]
    except (OSError, UnicodeDecodeError):
        return []
    found: list[float | None] = []
    for _, controllers, path in (group for group in groups if len(group) == 3):
        if not controllers:
            for base in (root, root / "unified"):
                found += [read_v2(folder / "cpu.max") for folder in folders(base, path)]
        elif "cpu" in controllers.split(","):
            for base in (root / controllers, root / "cpu"):
                found += [read_v1(folder) for folder in folders(base, path)]
    return [quota for quota in found if quota]


def folders(base: Path, path: str) -> list[Path]:
    """The folders of a control group and of those above it; inside a container only the first may be there."""
    parts = [part for part in path.split("/") if part not in ("", "..")]
    return [base.joinpath(*parts[:count]) for count in range(len(parts) + 1)]


def read_v2(file: Path) -> float | None:
    """Read `cpu.max`: microseconds of quota, or `max`, and of period."""
    try:
        quota, period = file.read_text().split()
        return None if quota == "max" else int(quota) / int(period)
    except (OSError, ValueError, ZeroDivisionError):
        return None


def read_v1(folder: Path) -> float | None:
    """Read `cpu.cfs_quota_us`, which is -1 without a limit, and `cpu.cfs_period_us`."""
    try:
        quota, period = (int((folder / f"cpu.cfs_{name}_us").read_text()) for name in ("quota", "period"))
        return quota / period if quota > 0 else None
    except (OSError, ValueError, ZeroDivisionError):
        return None
