"""Signals that end a run: the first one in order, with a checkpoint; the second at once."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

#: Seconds that an orderly end may take if nobody says otherwise: the notice of a spot machine.
STOP_SECONDS = 30.0
#: Signals that end a run: Ctrl-C, an administrator or scheduler, a terminal that goes away.
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Stopped(KeyboardInterrupt):
    """A signal came while there was nothing to save yet."""


class StopSignals:
    """Handlers of the signals that end a run.

    Attributes:
        number: The signal that came; None as long as none did.
        seconds: Time that an orderly end may take: of a Ray job, as long as it is given before it is killed.
    """

    def __init__(self) -> None:
        self.number: int | None = None
        self.at = 0.0
        self.at_once = False
        self.seconds = float(os.environ.get("RAY_JOB_STOP_WAIT_TIME_S") or STOP_SECONDS)
        self.terminals = [descriptor for descriptor in (1, 2) if os.isatty(descriptor)]

    @property
    def came(self) -> bool:
        """True if the run is to end."""
        return self.number is not None

    @property
    def left(self) -> float:
        """Seconds that are left for an orderly end; all of them before a signal."""
        return self.seconds - (time.monotonic() - self.at if self.came else 0.0)

    @contextmanager
    def handled(self) -> Iterator[None]:
        """Handle the signals inside; a SIGHUP that was ignored before, as by `nohup`, stays so.

        A SIGINT is handled also if it was ignored, as in a background job: nobody sends one by mistake there.
        """
        previous = {number: signal.getsignal(number) for number in SIGNALS}
        for number, handler in previous.items():
            if number != signal.SIGHUP or handler is not signal.SIG_IGN:
                signal.signal(number, self.on_signal)
        try:
            yield
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler)

    @contextmanager
    def ending_at_once(self) -> Iterator[None]:
        """Let the first signal end what is done inside: there is nothing to save.

        Raises:
            Stopped: A signal came, perhaps before.
        """
        if self.came:
            raise Stopped
        self.at_once = True
        try:
            yield
        finally:
            self.at_once = False

    def on_signal(self, number: int, frame: FrameType | None) -> None:
        """Take note of the first signal; the second ends the process's work now."""
        if self.came:
            raise KeyboardInterrupt
        self.number, self.at = number, time.monotonic()
        if number == signal.SIGHUP:
            self.leave_terminal()
        if self.at_once:
            raise Stopped
        with contextlib.suppress(OSError, RuntimeError):  # the stream is gone, or was being written to
            hint = "; press Ctrl-C again to end at once, without one" if number == signal.SIGINT else ""
            print(f"\n{signal.Signals(number).name}: ending with a checkpoint{hint}", file=sys.stderr, flush=True)

    def leave_terminal(self) -> None:
        """Write to nowhere from now on, if it was to the terminal that went away."""
        nowhere = os.open(os.devnull, os.O_RDWR)
        for descriptor in self.terminals:
            os.dup2(nowhere, descriptor)
        os.close(nowhere)
