"""Parts of a running system, found among the processes of its driver, and what can be done to them."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import psutil

from tests.faults.memory import starve

#: Seconds for which a part is stopped.
STOPPED_SECONDS = 90.0
FAULTS = ("kill", "stop 90 s", "starve")
#: A scheduler's or an administrator's: to all processes of the group, as at the end of a job's time.
TERMINATE = "SIGTERM"


@dataclass(frozen=True)
class Part:
    """A part of the system.

    Attributes:
        name: In the table.
        process: Begins the names of its processes, as Ray and the kernel show them.
        place: Of its process among those of that name, by the time of their start; None for any of them.
        ends_driver: Whether its death ends the driver too, so that the command has to be given again.
        faults: What is done to it.
    """

    name: str
    process: str
    place: int | None = None
    ends_driver: bool = False
    faults: tuple[str, ...] = FAULTS


#: Ray's name of both learner groups' processes; the policy's group is built first.
LEARNER = "ray::_WrappedExecutable"
RUN_PARTS = (
    Part("actor", "ray::PaintRunner"),
    Part("policy learner", LEARNER, place=0),
    Part("discriminator learner", LEARNER, place=1),
    Part("Redis", "redis-server"),
    Part("driver", "", ends_driver=True, faults=(*FAULTS, TERMINATE)),
    Part("raylet", "raylet", ends_driver=True),
)
POPULATION_PARTS = (
    Part("ledger", "ray::Ledger"),
    Part("member", "ray::ResourceTrainable"),  # Tune's name of what it runs
    Part("shared discriminator", "ray::SharedDiscriminator"),
    Part("population's driver", "", ends_driver=True, faults=(*FAULTS, TERMINATE)),
)
NODE = Part("node", "node")


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


def kill(processes: Sequence[psutil.Process]) -> None:
    """End processes at once."""
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()


def stop(processes: Sequence[psutil.Process]) -> None:
    """Stop processes for a while."""
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.suspend()
    deadline = time.monotonic() + STOPPED_SECONDS
    while time.monotonic() < deadline and any(process.is_running() for process in processes):
        time.sleep(1.0)
    for process in processes:
        with contextlib.suppress(psutil.Error):  # it was replaced meanwhile
            process.send_signal(signal.SIGCONT)


def terminate(processes: Sequence[psutil.Process]) -> None:
    """Send SIGTERM to the process groups."""
    for process in processes:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)


#: Each returns how many processes the kernel ended for want of memory; None if that is not known, or not its matter.
DO: dict[str, Callable[[Sequence[psutil.Process]], int | None]] = {
    "kill": kill,
    "stop 90 s": stop,
    "starve": starve,
    TERMINATE: terminate,
}
