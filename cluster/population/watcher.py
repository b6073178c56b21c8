"""The driver's side thread: prints new events, computes critic matrices, passes Ctrl-C on."""

from __future__ import annotations

import contextlib
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

from cluster.population.critic_matrix import CriticMatrix
from cluster.population.folder import PopulationFolder
from cluster.population.lineage.events import Event, read_events

# Between two readings of the record.
INTERVAL_SECONDS = 1.0


class Watcher:
    """A follower of the record while Tune has the main thread.

    Attributes:
        stop_reason: set it (a signal handler does) to have the population end.
        upkeep: called about once a second, to keep alive what all members share.
    """

    upkeep: Callable[[], None] | None = None

    def __init__(self, folder: PopulationFolder, matrix: CriticMatrix, request_stop: Callable[[str], Any]) -> None:
        self.folder, self.matrix, self.request_stop = folder, matrix, request_stop
        self.stop_reason: str | None = None
        self.reported, self.size = len(read_events(folder.lineage)), -1
        self.caught_up = False
        self.waiting: list[Event] = []  # comparisons that have no critic matrix yet
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self.run, name="population-watcher", daemon=True)
        self.thread.start()

    def run(self) -> None:
        """Read about once a second, until `close`, and once more then."""
        while True:
            last = self.ended.wait(INTERVAL_SECONDS)
            if self.stop_reason is not None and not last:
                self.request_stop(self.stop_reason)  # again and again: a ledger that is restarted forgets it
            with survived():
                if upkeep := self.upkeep:
                    upkeep()
            with survived():
                self.read(last=last)
            if last:
                return

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
    if kind in ("crash", "stop", "rescue"):
        return f"{who}  {kind}: {event['reason']}"
    return ""
