"""Memory allocation of processes that compute with torch on a CPU."""

from __future__ import annotations

import ctypes
import ctypes.util

M_TRIM_THRESHOLD = -1
M_MMAP_THRESHOLD = -3
M_ARENA_MAX = -8


def keep_large_blocks() -> None:
    """Let glibc's malloc reuse blocks above 32 MiB instead of mapping and unmapping them.

    The paper policy's activations for 64 canvases are 33 MB each. By default every layer gets them from the kernel,
    which clears them page by page, and gives them back; the policy acts 1.7 times as fast with this. All threads share
    one heap: those that they would have of their own give memory back all the same (2.5 to 7.4 % of a
    run's CPU time, see docs/performance.md). Other C libraries do not have these settings and are left as they are.
    """
    library = ctypes.util.find_library("c")
    if mallopt := getattr(ctypes.CDLL(library), "mallopt", None) if library else None:
        mallopt(M_MMAP_THRESHOLD, 1 << 30)
        mallopt(M_TRIM_THRESHOLD, (1 << 31) - 1)
        mallopt(M_ARENA_MAX, 1)
