"""Parts of a running system, found among the processes of its driver, and what can be done to them."""

from __future__ import annotations

import contextlib
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass

import psutil

#: Seconds for which a part is stopped.
STOPPED_SECONDS = 90.0


@dataclass(frozen=True)
class Part:
    """A part of the system.

    Attributes:
        name: In the table.
        process: Begins the names of its processes, as Ray and the kernel show them.
        place: Of its process among those of that name, by the time of their start; None for any of them.
        ends_driver: Whether its death ends the driver too, so that the command has to be given again.
    """

    name: str
    process: str
    place: int | None = None
    ends_driver: bool = False


#: Ray's name of both learner groups' processes; the policy's group is built first.
LEARNER = "ray::_WrappedExecutable"
RUN_PARTS = (
    Part("actor", "ray::PaintRunner"),
    Part("policy learner", LEARNER, place=0),
    Part("discriminator learner", LEARNER, place=1),
    Part("Redis", "redis-server"),
    Part("driver", "", ends_driver=True),
    Part("raylet", "raylet", ends_driver=True),
)


def title(process: psutil.Process) -> str:
    """The name that a process has given itself, or the kernel's name of it."""
    with contextlib.suppress(psutil.Error):
        words = process.cmdline()
        if words and words[0].startswith("ray::"):
            return words[0]
        return process.name()
    return ""


def processes_of(part: Part, driver: int) -> list[psutil.Process]:
    """The processes of a part, under this driver."""
    if not part.process:
        return [psutil.Process(driver)]
    below = psutil.Process(driver).children(recursive=True)
    found = sorted((each for each in below if title(each).startswith(part.process)), key=psutil.Process.create_time)
    return found if part.place is None else found[part.place : part.place + 1]


def kill(process: psutil.Process) -> None:
    """End a process at once."""
    process.kill()


def stop(process: psutil.Process) -> None:
    """Stop a process for a while."""
    process.suspend()
    deadline = time.monotonic() + STOPPED_SECONDS
    while time.monotonic() < deadline and process.is_running():
        time.sleep(1.0)
    with contextlib.suppress(psutil.Error):  # it was replaced meanwhile
        process.send_signal(signal.SIGCONT)


def starve(process: psutil.Process) -> None:
    """Let a process take no more memory from the system than it has; it may live on what it holds already."""
    for limit in (psutil.RLIMIT_AS, psutil.RLIMIT_DATA):
        process.rlimit(limit, (0, 0))


FAULTS: dict[str, Callable[[psutil.Process], None]] = {"kill": kill, "stop 90 s": stop, "starve": starve}
