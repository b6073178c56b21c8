"""Rounds of inputs of every kind, their outcomes counted."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch

from tests.fuzz.harness import Outcome, attempt
from tests.fuzz.home import Home, kept
from tests.fuzz.kinds import Kind, kinds_of_files, quiet_numpy
from tests.fuzz.mutations import replace_file
from tests.fuzz.network import Attempt, kinds_of_network

#: One input of how many is something else than a file.
OTHER_FILES = 8


@dataclass
class Counts:
    """Outcomes of one kind."""

    outcomes: Counter[str] = field(default_factory=Counter)
    megabytes: float = 0.0
    seconds: float = 0.0

    @property
    def total(self) -> int:
        """Number of inputs."""
        return self.outcomes.total()

    @property
    def faults(self) -> int:
        """Number of inputs that were neither read nor refused in one line."""
        return self.total - self.outcomes["read"] - self.outcomes["refused"]

    def add(self, outcome: Outcome) -> None:
        """Count one."""
        self.outcomes[outcome.kind] += 1
        self.megabytes = max(self.megabytes, outcome.megabytes)
        self.seconds = max(self.seconds, outcome.seconds)


def fuzz_file(kind: Kind, rng: random.Random) -> tuple[str, Outcome]:
    """Mutate a file of a kind, or put something else in its place, and read it."""
    file = rng.choice(kind.files)
    others = [*file.parent.glob("manifest.json")]
    with kept(*{file, *others}):
        if rng.randrange(OTHER_FILES):
            what = "mutated"
            file.write_bytes(kind.mutate(file.read_bytes(), rng))
        else:
            what = replace_file(file, rng)
        if what != "missing":
            kind.finish(rng)
        return what, attempt(lambda: kind.read(file), unprivileged=what == "unreadable")


def fuzz_all(
    home: Path, seed: int, numbers: Iterable[int], only: Sequence[str] = ("",), *, show: bool = False
) -> dict[str, Counts]:
    """Try inputs of all kinds, each drawn by the seed, the kind's name and its number; faults are printed."""
    torch.set_num_threads(1)
    quiet_numpy()
    place = Home(home)
    kinds: dict[str, Attempt] = {
        kind.name: lambda rng, kind=kind: fuzz_file(kind, rng)  # type: ignore[misc]
        for kind in kinds_of_files(place)
    }
    counts = {}
    with kinds_of_network(place) as more:
        for name, read in (kinds | more).items():
            if not any(part in name for part in only):
                continue
            counts[name] = Counts()
            for number in numbers:
                what, outcome = read(random.Random(f"{seed} {name} {number}"))
                counts[name].add(outcome)
                if outcome.fault or show:
                    print(f"--- {name}, input {number} ({what}): {outcome.kind}\n{outcome.text[-3000:]}", flush=True)
            each = counts[name]
            print(f"{name}: {dict(each.outcomes)}, {each.megabytes:.0f} MB, {each.seconds:.1f} s", flush=True)
    return counts


def table(counts: dict[str, Counts]) -> str:
    """The outcomes in Markdown."""
    lines = [
        "| kind | inputs | read | refused in one line | crashes | hangs | other than one line | too much memory "
        "| memory (most) | CPU time (most) |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for name, each in counts.items():
        found = [each.outcomes[kind] for kind in ("read", "refused", "crash", "hang", "lines", "memory")]
        columns = " | ".join(map(str, [each.total, *found]))
        lines.append(f"| {name} | {columns} | {each.megabytes:.0f} MB | {each.seconds:.1f} s |")
    return "\n".join(lines)
