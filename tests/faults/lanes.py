"""Lanes: small systems side by side, since most of a fault's time is waiting; and what came of the faults."""

from __future__ import annotations

import contextlib
import random
import statistics
import threading
import time
import traceback
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from tests.faults.parts import DO, TERMINATE, Part, title
from tests.faults.system import BEGIN_SECONDS, PATIENCE, System, longest_silence, training_lost
from tests.faults.systems import SYSTEMS, Nodes
from tests.helpers.tiny_run import running

Kind = tuple[Part, str]


@dataclass
class Record:
    """What came of one kind of fault."""

    recovered: list[bool] = field(default_factory=list)
    died: list[bool] = field(default_factory=list)
    kills: list[int] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    lost: list[float] = field(default_factory=list)
    silences: list[float] = field(default_factory=list)

    def row(self, part: str, fault: str) -> str:
        """Its row of the table."""
        middle = f"{statistics.median(self.seconds):.0f} s" if self.seconds else "-"
        longest = [f"{max(values):.0f} s" if values else "-" for values in (self.seconds, self.lost, self.silences)]
        ended = f"{sum(self.died)} of {len(self.died)}"
        kills = f", {sum(map(bool, self.kills))} by the kernel" if self.kills else ""
        went_on = f"{sum(self.recovered)} of {len(self.recovered)}"
        return f"| {part} | {fault} | {went_on} | {ended}{kills} | {middle} | {' | '.join(longest)} |"


class Campaign:
    """The faults still to be done, by system, and what came of those that were; shared by all lanes.

    Attributes:
        records: By the names of part and fault.
        ends: A line about the end of each system.
        faults: Number of faults that were done.
        events, lost_events: Events of populations' records that were there before a fault, and of them those that were
            not there after it.
    """

    def __init__(self, repetitions: int, seed: int, minutes: float, home: Path) -> None:
        self.seed, self.home = seed, home
        self.deadline = time.monotonic() + 60 * minutes
        self.lock, self.starting = threading.Lock(), threading.Lock()
        self.plan: dict[str, list[Kind]] = {}
        self.records: dict[tuple[str, str], Record] = {}
        self.on: dict[str, int] = dict.fromkeys(SYSTEMS, 0)
        self.ends: list[str] = []
        self.faults = self.events = self.lost_events = self.started = 0
        for name, system in SYSTEMS.items():
            kinds = [(part, fault) for part in system.parts for fault in part.faults]
            self.records |= {(part.name, fault): Record() for part, fault in kinds}
            draws = random.Random(f"{seed} {name}")
            self.plan[name] = [kind for _ in range(repetitions) for kind in draws.sample(kinds, len(kinds))]

    def end_soon(self) -> None:
        """Begin no further fault."""
        self.deadline = 0.0

    def next_system(self) -> str | None:
        """The system of which a free lane starts one: one without a lane, or with most faults left; None: no more."""
        with self.lock:
            left = {name: len(kinds) / (1 + self.on[name]) for name, kinds in self.plan.items() if kinds}
            if not left or time.monotonic() > self.deadline:
                return None
            if self.on[Nodes.name]:
                left.pop(Nodes.name, None)
            if not left:
                return None
            name = max(left, key=lambda each: (not self.on[each], left[each]))
            self.on[name] += 1
            return name

    def next_fault(self, name: str) -> Kind | None:
        """The next fault of a system; None if there is none, or no time."""
        with self.lock:
            return self.plan[name].pop(0) if self.plan[name] and time.monotonic() < self.deadline else None

    def lane(self, number: int) -> None:
        """Strike systems, one after another, until there is nothing left to do; a thread's work."""
        while (name := self.next_system()) is not None:
            try:
                self.strike_all(name, number)
            except Exception:  # the campaign goes on in the other lanes, and its table says so
                self.say(number, traceback.format_exc())
                with self.lock:
                    self.plan[name] = []
                    self.ends.append(f"{name}: the campaign itself failed, {traceback.format_exc().splitlines()[-1]}")
            finally:
                with self.lock:
                    self.on[name] -= 1

    def strike_all(self, name: str, number: int) -> None:
        """Start a system, do its faults, and end it."""
        with self.lock:
            self.started += 1
            count = self.started
        rng = random.Random(f"{self.seed} {name} {count}")
        end = "did not begin"
        with self.starting:  # on a busy machine two at once take longer than one after the other
            system = SYSTEMS[name](self.home / f"{name}-{count}")
            self.say(number, f"{name}: {system.log}")
            system.start()
            begun = system.wait_until_training(time.time(), again=True, seconds=BEGIN_SECONDS) is not None
        try:
            while begun and (kind := self.next_fault(name)) is not None:
                if not system.alive:
                    system.wait_until_training(time.time(), again=True)
                self.strike(system, *kind, rng, number)
            if begun:
                end = f"exit status {system.interrupt()}"
        finally:
            left = system.left_behind()
            self.ends.append(f"{name} {end}, left behind {', '.join(left) or 'nothing'}")
            self.say(number, self.ends[-1])

    def strike(self, system: System, part: Part, fault: str, rng: random.Random, number: int) -> None:
        """Wait for a random moment, do a fault to a part, and record what follows."""
        time.sleep(rng.uniform(1.0, 15.0))
        system.look()
        record = self.records[part.name, fault]
        choice = system.victims(part)
        if not choice:
            self.say(number, f"no process of {part.name}")
            record.recovered.append(False)
            return
        victim = rng.choice(choice)
        self.say(number, f"{fault}: {part.name}, {told(victim)}")
        system.mark()
        events, since = system.events(), time.time()
        kills = DO[fault](victim)
        with contextlib.suppress(psutil.TimeoutExpired):
            victim[0].wait(PATIENCE if fault == TERMINATE else 0.0 if fault.startswith("stop") else 5.0)
        died = not running(victim[:1])
        before = time.time()
        system.mend()
        ends = part.ends_driver
        moment = before if fault.startswith("stop") or fault == TERMINATE else since + 1.0
        took = system.wait_until_training(moment, again=ends)
        rows, now, after = system.rows(), time.time(), system.events()
        with self.lock:
            self.faults += 1
            self.events += events.count(b"\n")
            self.lost_events += 0 if after.startswith(events) else events.count(b"\n")
            record.recovered.append(took is not None)
            record.died.append(died)
            record.kills += [] if kills is None else [kills]
            record.lost.append(max(training_lost(each, since) for each in rows))
            record.seconds += [] if took is None else [took]
            if not ends:  # a driver that is gone, or stopped, can not say so
                record.silences.append(max(longest_silence(each, since, now) for each in rows))
        self.say(number, f"  went on after {took}, ended {died}, by the kernel {kills}, lost {record.lost[-1]:.1f} s")

    def say(self, number: int, line: str) -> None:
        """Print what a lane does."""
        print(f"{time.strftime('%H:%M:%S')} lane {number}: {line}", flush=True)

    def table(self) -> str:
        """The campaign's outcome in Markdown."""
        lines = [
            "| part | fault | went on | process ended | median, s | longest, s | training lost (longest) "
            "| silence without a note (longest) |",
            "| --- | --- | --- | --- | --- | --- | --- | --- |",
        ]
        lines += [record.row(*kind) for kind, record in self.records.items() if record.recovered]
        missing = [f"{part}: {fault}" for (part, fault), record in self.records.items() if not record.recovered]
        return "\n".join(lines) + (f"\n\nNot tried, for want of time: {', '.join(missing)}." if missing else "")


def told(victim: list[psutil.Process]) -> str:
    """Names and memory of the processes that are struck."""
    names = []
    for process in victim[:3]:
        with contextlib.suppress(psutil.Error):
            names.append(f"{title(process)} {process.pid} ({process.memory_info().rss >> 20} MiB)")
    return ", ".join(names) + (f" and {len(victim) - 3} more" if len(victim) > 3 else "")
