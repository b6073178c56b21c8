"""Lanes: small systems side by side, since most of a fault's time is waiting."""

from __future__ import annotations

import contextlib
import os
import random
import threading
import time
import traceback
from pathlib import Path
from typing import Any

import psutil

from tests.faults.log import FaultLog
from tests.faults.parts import DO, TERMINATE, Part, title
from tests.faults.system import BEGIN_SECONDS, PATIENCE, System, longest_silence, training_lost
from tests.faults.systems import SYSTEMS, Nodes
from tests.helpers.tiny_run import running

Kind = tuple[Part, str]


class Campaign:
    """The faults still to be done, by system, and what came of those that were; shared by all lanes.

    Attributes:
        log: Takes what came of each fault.
        kinds: Names of parts and faults.
    """

    def __init__(self, repetitions: int, seed: int, minutes: float, home: Path, log: FaultLog, name: str = "") -> None:
        """`name` tells this campaign from others in the log; faults that the log has already are not repeated."""
        self.seed, self.home, self.log, self.name = seed, home, log, name
        self.deadline = time.monotonic() + 60 * minutes
        self.lock, self.starting = threading.Lock(), threading.Lock()
        self.plan: dict[str, list[Kind]] = {}
        self.kinds: list[tuple[str, str]] = []
        self.on: dict[str, int] = dict.fromkeys(SYSTEMS, 0)
        self.started = 0
        for name, system in SYSTEMS.items():
            kinds = [(part, fault) for part in system.parts for fault in part.faults]
            self.kinds += [(part.name, fault) for part, fault in kinds]
            draws = random.Random(f"{seed} {name}")
            done = {kind: log.count((kind[0].name, kind[1])) for kind in kinds}
            rounds = [[kind for kind in draws.sample(kinds, len(kinds)) if done[kind] <= n] for n in range(repetitions)]
            self.plan[name] = [kind for each in rounds for kind in each]

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
                reason = traceback.format_exc().splitlines()[-1]
                self.log.add({"campaign": self.name, "system": name, "status": f"no campaign: {reason}", "left": ""})
            finally:
                with self.lock:
                    self.on[name] -= 1

    def strike_all(self, name: str, number: int) -> None:
        """Start a system, do its faults, and end it."""
        with self.lock:
            self.started += 1
            count = self.started
        rng = random.Random(f"{self.seed} {name} {count}")
        status: Any = "did not begin"
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
                status = system.interrupt()
        finally:
            left = ", ".join(system.left_behind())
            self.log.add({"campaign": self.name, "system": name, "status": status, "left": left})
            self.say(number, f"{name} ended with status {status}, left behind {left or 'nothing'}")

    def strike(self, system: System, part: Part, fault: str, rng: random.Random, number: int) -> None:
        """Wait for a random moment, do a fault to a part, and record what follows."""
        time.sleep(rng.uniform(1.0, 15.0))
        system.look()
        row: dict[str, Any] = {"campaign": self.name, "load": os.getloadavg()[0], "part": part.name, "fault": fault}
        row |= {"went_on": False, "ended": False, "events": 0, "events_lost": 0}
        deadline = time.monotonic() + PATIENCE
        while not (choice := system.victims(part)) and time.monotonic() < deadline:
            time.sleep(1.0)  # struck a moment ago, it is being made anew
        if not choice:
            self.say(number, f"no process of {part.name}")
            self.log.add(row)
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
        silence = max(longest_silence(each, since, now) for each in rows)
        row |= {
            "went_on": took is not None,
            "ended": died,
            "by_kernel": kills,
            "seconds": took,
            "lost": max(training_lost(each, since) for each in rows),
            "silence": None if ends else silence,  # a driver that is gone, or stopped, can not write a note
            "events": events.count(b"\n"),
            "events_lost": 0 if after.startswith(events) else events.count(b"\n"),
        }
        self.log.add({name: round(value, 1) if isinstance(value, float) else value for name, value in row.items()})
        self.say(number, f"  went on after {took}, ended {died}, by the kernel {kills}, lost {row['lost']:.1f} s")

    def say(self, number: int, line: str) -> None:
        """Print what a lane does."""
        print(f"{time.strftime('%H:%M:%S')} lane {number}: {line}", flush=True)


def told(victim: list[psutil.Process]) -> str:
    """Names and memory of the processes that are struck."""
    names = []
    for process in victim[:3]:
        with contextlib.suppress(psutil.Error):
            names.append(f"{title(process)} {process.pid} ({process.memory_info().rss >> 20} MiB)")
    return ", ".join(names) + (f" and {len(victim) - 3} more" if len(victim) > 3 else "")
