"""The driver's side thread: prints new events, computes critic matrices, passes signals on to the ledger."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Collection, Iterator
from typing import Any

from cluster.population.critic_matrix import CriticMatrix
from cluster.population.folder import PopulationFolder
from cluster.population.lineage.events import Event, read_events
from cluster.population.lineage.report import evaluation_line
from cluster.population.lineage.state import PopulationState
from cluster.training.stopping import StopSignals

# Between two readings of the record.
INTERVAL_SECONDS = 1.0
# Between two notes on who is late.
SECONDS_BETWEEN_NOTES = 10.0


class Watcher:
    """A follower of the record while Tune has the main thread.

    Attributes:
        stop: signals; after the first one all members are asked to save and end.
        members: numbers of the members that train, or are to start.
        gave_up: whether it sent a second signal itself, as there was nobody to wait for.
        upkeep: called about once a second, to keep alive what all members share.
    """

    upkeep: Callable[[], None] | None = None

    def __init__(
        self,
        folder: PopulationFolder,
        matrix: CriticMatrix,
        stop: StopSignals,
        request_stop: Callable[[str], Any],
        notice_silence: Callable[[], Any] = lambda: None,
    ) -> None:
        """Start watching; `request_stop` and `notice_silence` are the ledger's."""
        self.folder, self.matrix, self.stop = folder, matrix, stop
        self.request_stop, self.notice_silence = request_stop, notice_silence
        self.members: Collection[int] = ()
        self.gave_up, self.noted = False, 0.0
        self.reported, self.size = len(read_events(folder.lineage)), -1
        self.begin = self.reported
        self.caught_up = False
        self.waiting: list[Event] = []  # comparisons that have no critic matrix yet
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self.run, name="population-watcher", daemon=True)
        self.thread.start()

    def run(self) -> None:
        """Read about once a second, until `close`, and once more then."""
        while True:
            last = self.ended.wait(INTERVAL_SECONDS)
            if not last:
                self.notice_silence()
                if self.stop.came:
                    self.request_stop("interrupted")  # again and again: a ledger that is restarted forgets it
                    with survived():
                        self.say_who_is_late()
            with survived():
                if upkeep := self.upkeep:
                    upkeep()
            with survived():
                self.read(last=last)
            if last:
                return

    def say_who_is_late(self) -> None:
        """Say every ten seconds which members have not saved, when the time for an orderly end is over.

        If none runs, and others can not start, for want of a node say, nobody is waited for.
        """
        if self.stop.left > 0 or time.monotonic() - self.noted < SECONDS_BETWEEN_NOTES:
            return
        self.noted = time.monotonic()
        events = read_events(self.folder.lineage)
        ended = {event["member"] for event in events[self.begin :] if event["event"] == "stop"}
        late = [number for number, each in PopulationState.of(events).members.items() if each.running]
        if late:
            names = ", ".join(f"{number:02d}" for number in late)
            print(f"waiting for member {names} to save; a second signal ends it without", file=sys.stderr, flush=True)
        elif set(self.members) - ended:
            self.gave_up = True
            os.kill(os.getpid(), signal.SIGINT)

    def read(self, *, last: bool = False) -> None:
        """Read new events; `last`: try once more to compute the matrices that failed."""
        size = self.folder.lineage.stat().st_size
        if size == self.size and not last:
            return
        self.size = size
        events = read_events(self.folder.lineage)
        for event in events[self.reported :]:
            if line := describe(event):
                print(line, flush=True)
        comparisons = [event for event in events if event["event"] == "comparison"]
        if not self.caught_up:
            self.caught_up = True
        else:
            comparisons = [event for event in comparisons if event["n"] >= self.reported]
        self.reported = len(events)
        self.waiting += comparisons
        self.compute_matrices()

    def compute_matrices(self) -> None:
        """Compute the critic matrices that are due. One that fails waits for the next reading and holds up no other."""
        due, self.waiting = self.waiting, []
        for event in due:
            problem = ""
            try:
                if not self.matrix.take(event):
                    problem = "a checkpoint is gone"
            except (OSError, ValueError, RuntimeError) as error:
                problem = f"not yet: {error}"
                self.waiting.append(event)
            if problem:
                print(f"warning: comparison {event['comparison']}: no critic matrix, {problem}", file=sys.stderr)

    def close(self) -> None:
        """Read once more, and end."""
        self.ended.set()
        self.thread.join()


@contextlib.contextmanager
def survived() -> Iterator[None]:
    """Print an error and go on: the side thread must live, for it passes Ctrl-C on."""
    try:
        yield
    except (OSError, ValueError, RuntimeError) as error:
        print(f"warning: {error}", file=sys.stderr)


def describe(event: Event) -> str:
    """An event as a line for the terminal; empty for kinds that are not printed."""
    clock = f"{int(event['elapsed_s']) // 60:3d}:{int(event['elapsed_s']) % 60:02d}"
    kind, member = event["event"], event["member"]
    who = f"{clock}  member {member:02d}" if member is not None else clock
    if kind in ("birth", "restart") and member is not None:
        values = "  ".join(f"{name} {value:.3g}" for name, value in event["values"].items())
        return f"{who}  {kind} at {event['env_steps']} steps  {values}"
    if kind == "comparison":
        scores = "  ".join(
            f"{each['member']:02d} {'-' if each['score'] is None else format(each['score'], '.4g')}"
            for each in event["standings"]
        )
        return (
            f"{clock}  comparison {event['comparison']} at {event['env_steps']} steps, by {event['fitness']}:  {scores}"
        )
    if kind == "exploit":
        return f"{who}  copies member {event['donor']:02d} at {event['env_steps']} steps ({event['seconds']:.2f} s)"
    if kind == "explore":
        changes = "  ".join(
            f"{name} {event['values_before'][name]:.3g} -> {value:.3g}" for name, value in event["values"].items()
        )
        return f"{who}  {changes}"
    if kind == "evaluation":
        return f"{who}  {evaluation_line(event)}"
    if kind in ("crash", "stop", "rescue", "silence"):
        return f"{who}  {kind}: {event['reason']}"
    return ""
