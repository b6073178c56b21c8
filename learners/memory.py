"""How a process that computes with torch on a CPU asks the system for memory."""

from __future__ import annotations

import ctypes
import ctypes.util

M_TRIM_THRESHOLD = -1
M_MMAP_THRESHOLD = -3


def keep_large_blocks() -> bool:
    """Let glibc's malloc reuse blocks above 32 MiB instead of mapping and unmapping them.

    The paper policy's activations for 64 canvases are 33 MB each: by default every layer gets them from the kernel,
    which clears them page by page, and gives them back. The policy acts 1.7 times as fast with this.

    Returns:
        Whether it took effect; other C libraries do not have these settings.
    """
    library = ctypes.util.find_library("c")
    mallopt = getattr(ctypes.CDLL(library), "mallopt", None) if library else None
    if mallopt is None:
        return False
    return bool(mallopt(M_MMAP_THRESHOLD, 1 << 30)) and bool(mallopt(M_TRIM_THRESHOLD, (1 << 31) - 1))
