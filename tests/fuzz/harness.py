"""Reading of one input in a process of its own, with limits, and the outcome: read, refused in one line, or a fault."""

from __future__ import annotations

import importlib
import mmap
import os
import resource
import signal
import struct
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cluster.cli.entry import explained, show_warning
from cluster.errors import short_line

#: Bytes that reading one input may take beyond those of the process that reads it.
MEMORY = 1 << 30
#: Seconds of CPU time that it may take; seconds that it may wait for something; and seconds of the clock at most. On a
#: busy machine a process that works gets little CPU time, which is not waiting.
CPU_SECONDS, WAITING_SECONDS, WALL_SECONDS = 20, 30.0, 600.0
#: Characters of a line on a terminal that somebody would still read.
LONGEST_LINE = 1000
NOBODY = 65534
#: Modules that are imported late: once for all, and that nobody may not be able to read.
LATE = (
    "encodings.cp437", "encodings.idna", "uvicorn", "PIL.TiffImagePlugin", "cluster.cli.runs", "cluster.cli.pictures",
    "cluster.cli.population", "cluster.cli.jobs", "cluster.cli.dashboard", "cluster.cli.arguments.latent",
    "cluster.cli.arguments.training", "cluster.latent.settings",
)  # fmt: skip
CRASHED = 70


@dataclass(frozen=True)
class Outcome:
    """What came of an input.

    Attributes:
        kind: `read`, `refused`, `crash`, `hang`, `lines` (refused in none or several, or a longer one) or `memory`.
        text: What it printed on standard error.
        megabytes: The most memory beyond that of the process it was forked off.
        seconds: Of CPU time.
    """

    kind: str
    text: str
    megabytes: float
    seconds: float

    @property
    def fault(self) -> bool:
        """True if a user would have been let down."""
        return self.kind not in ("read", "refused")


def attempt(read: Callable[[], None], *, unprivileged: bool = False, memory: int = MEMORY) -> Outcome:
    """Read an input in a forked process.

    Args:
        read: Returns if the input is taken; raises as the product does if it is not.
        unprivileged: Read as a user who may not read everything.
        memory: Bytes that it may take.
    """
    for module in LATE:
        importlib.import_module(module)
    sys.stdout.flush()
    sys.stderr.flush()
    with tempfile.TemporaryFile() as said, mmap.mmap(-1, 8) as start:
        child = os.fork()
        if not child:
            start[:8] = struct.pack("q", resident())
            run_child(read, said.fileno(), unprivileged, memory)
        status, usage, hung = wait_for(child)
        said.seek(0)
        text = said.read(1 << 20).decode(errors="replace")
        (before,) = struct.unpack("q", start[:8])
    megabytes = max(0.0, usage.ru_maxrss * 1024 / 1e6 - before / 1e6)
    seconds = usage.ru_utime + usage.ru_stime
    return Outcome(judge(status, text, hung, megabytes * 1e6 > memory), text, megabytes, seconds)


def judge(status: int, text: str, hung: bool, large: bool) -> str:
    """Name what happened."""
    if hung or (os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGXCPU):
        return "hang"
    if os.WIFSIGNALED(status) or os.WEXITSTATUS(status) not in (0, 1, 2) or "Traceback" in text:
        return "crash"
    if large or "not enough memory" in text:
        return "memory"
    if os.WEXITSTATUS(status) == 0:
        return "read"
    lines = [line for line in text.splitlines() if "warning: " not in line]
    fits = len(lines) == 1 and lines[0].startswith("impasto: ") and len(lines[0]) <= LONGEST_LINE
    return "refused" if fits else "lines"


def run_child(read: Callable[[], None], said: int, unprivileged: bool, memory: int) -> None:
    """Read in this process, as the command line does, and end it."""
    status = CRASHED
    try:
        os.dup2(said, 2)
        os.dup2(os.open(os.devnull, os.O_RDWR), 1)
        os.dup2(1, 0)
        sys.stdout = open(1, "w", closefd=False)  # noqa: SIM115 - a test's captured ones are others
        sys.stderr = open(2, "w", closefd=False, errors="backslashreplace")  # noqa: SIM115
        resource.setrlimit(resource.RLIMIT_AS, (virtual() + 2 * memory,) * 2)
        used = int(sum(resource.getrusage(resource.RUSAGE_SELF)[:2]))
        resource.setrlimit(resource.RLIMIT_CPU, (used + CPU_SECONDS, used + CPU_SECONDS + 5))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        signal.signal(signal.SIGXCPU, signal.SIG_DFL)
        import warnings

        warnings.showwarning = show_warning  # type: ignore[assignment]
        if unprivileged and not os.geteuid():
            os.setegid(NOBODY)
            os.seteuid(NOBODY)
        read()
        status = 0
    except SystemExit as error:
        status = error.code if isinstance(error.code, int) else CRASHED
    except Exception as error:
        line = explained(error)
        if line is None:
            traceback.print_exc()
        else:
            status = 2
            print(f"impasto: {short_line(line)}", file=sys.stderr)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(status)


def wait_for(child: int) -> tuple[int, resource.struct_rusage, bool]:
    """Wait for a process, ending it when its time is over."""
    begin = worked = time.monotonic()
    pause, hung, before = 0.001, False, ""
    while True:
        pid, status, usage = os.wait4(child, os.WNOHANG)
        if pid:
            return status, usage, hung
        now, state, used = time.monotonic(), *progress(child)
        if state == "R" or used != before:
            worked, before = now, used
        if not hung and (now - worked > WAITING_SECONDS or now - begin > WALL_SECONDS):
            hung = True
            os.kill(child, signal.SIGKILL)
        time.sleep(pause)
        pause = min(0.02, 2 * pause)


def progress(child: int) -> tuple[str, str]:
    """State of a process's first thread, as `ps` shows it, and the CPU time of all."""
    fields = Path(f"/proc/{child}/stat").read_text().rpartition(")")[2].split()
    return fields[0], f"{fields[11]} {fields[12]}"


def resident() -> int:
    """Bytes of memory that this process holds."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")


def virtual() -> int:
    """Bytes of address space that this process has."""
    return int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGESIZE")
