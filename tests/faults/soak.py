"""The soak: a population that loses a process each minute, beside one that loses none. `make soak`."""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import statistics
import tempfile
import time
from pathlib import Path

import psutil

from cluster.population.lineage.events import read_events
from tests.faults.lanes import told
from tests.faults.page import write_between
from tests.faults.parts import POPULATION_PARTS, RUN_PARTS, kill
from tests.faults.system import PATIENCE, Row
from tests.faults.systems import Population
from tests.helpers.tiny_run import family

#: What is killed: all but the driver, whose command a person or a scheduler gives again.
PARTS = [part for part in (*POPULATION_PARTS, *RUN_PARTS) if part.name in ("ledger", "member", "actor", "Redis")]
PARTS += [part for part in POPULATION_PARTS if part.name == "shared discriminator"]
SECONDS_BETWEEN_KILLS = 60.0
SECONDS_BETWEEN_LOOKS = 10.0


def own_memory(system: Population) -> float:
    """MiB that the processes of a population have for themselves, its driver included."""
    total = 0
    for process in [psutil.Process(system.pid), *family(system.pid)] if system.alive else []:
        with contextlib.suppress(psutil.Error):
            memory = process.memory_info()
            total += memory.rss - memory.shared
    return total / (1 << 20)


def comparisons(system: Population) -> dict[int, list[Row]]:
    """Standings of each comparison, by its number."""
    return {event["comparison"]: event["standings"] for event in system.record() if event["event"] == "comparison"}


def best(standings: list[Row]) -> str:
    """The best score of a comparison with its standard error."""
    return f"{standings[0]['score']:.3f} ± {standings[0]['score_error']:.3f}"


def quarters(memory: list[float]) -> str:
    """Medians of the first and the last quarter of the samples, and their largest."""
    count = max(1, len(memory) // 4)
    first, last = statistics.median(memory[:count]), statistics.median(memory[-count:])
    return f"{first:.0f} MiB | {last:.0f} MiB | {max(memory):.0f} MiB"


def soak(minutes: float, seed: int) -> str:
    """Train both for some minutes, and tell what became of them."""
    home = Path(tempfile.mkdtemp(prefix="soak-"))
    print(f"seed {seed}, in {home}", flush=True)
    rng = random.Random(seed)
    systems = {name: Population(home / name) for name in ("undisturbed", "a kill each minute")}
    struck = systems["a kill each minute"]
    memory: dict[str, list[float]] = {name: [] for name in systems}
    kills: list[str] = []
    try:
        for name, system in systems.items():
            system.start()
            if system.wait_until_training(time.time(), again=True) is None:
                raise SystemExit(f"{name} did not begin: {system.log}")
        begin = time.time()
        due = begin + SECONDS_BETWEEN_KILLS
        while time.time() < begin + 60 * minutes:
            time.sleep(SECONDS_BETWEEN_LOOKS)
            for name, system in systems.items():
                system.look()
                memory[name].append(own_memory(system))
            if time.time() < due:
                continue
            due += SECONDS_BETWEEN_KILLS
            part = rng.choice(PARTS)
            if choice := struck.victims(part):
                victim = rng.choice(choice)
                kills.append(part.name)
                print(f"{time.strftime('%H:%M:%S')} kill: {told(victim)}", flush=True)
                kill(victim)
        alive = {name: system.alive for name, system in systems.items()}
        went_on = struck.wait_until_training(time.time(), again=False)
        ends = {name: system.interrupt() for name, system in systems.items()}
        return report(systems, memory, kills, alive, went_on, ends, minutes, seed)
    finally:
        for name, system in systems.items():
            if system.driver is not None:
                print(f"{name}: left behind {system.left_behind() or 'nothing'}", flush=True)


def report(
    systems: dict[str, Population],
    memory: dict[str, list[float]],
    kills: list[str],
    alive: dict[str, bool],
    went_on: float | None,
    ends: dict[str, int | None],
    minutes: float,
    seed: int,
) -> str:
    """The page's words about it."""
    known = {name: comparisons(system) for name, system in systems.items()}
    shared = sorted(set.intersection(*(set(each) for each in known.values())))
    counts = ", ".join(f"{name} {kills.count(name)}" for name in dict.fromkeys(kills))
    lines = [
        f"`make soak` with seed {seed}: {minutes:g} minutes, on {os.cpu_count()} cores with a load of "
        f"{os.getloadavg()[2]:.0f}; {len(kills)} kills ({counts}). After the last one the population "
        f"{'went on' if went_on is not None else f'did not go on in {PATIENCE:.0f} s'}. Its driver ran to the end: "
        f"{'yes' if alive['a kill each minute'] else 'no'}.",
        "",
        "| population of two | comparisons | best score at the last one of both | own memory, first quarter (median) "
        "| last quarter (median) | largest | exit status |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for name in systems:
        score = best(known[name][shared[-1]]) if shared else "-"
        lines.append(f"| {name} | {len(known[name])} | {score} | {quarters(memory[name])} | {ends[name]} |")
    events = [len(read_events(system.run / "lineage.jsonl")) for system in systems.values()]  # it checks the numbers
    lines += ["", f"Their records hold {sum(events)} events, numbered without a gap."]
    return "\n".join(lines)


def main() -> None:
    """Read the arguments, run the soak and write its words."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=0, help="of the victims")
    parser.add_argument("--out", type=Path, help="page whose words on it are replaced")
    chosen = parser.parse_args()
    text = soak(chosen.minutes, chosen.seed)
    print(text)
    if chosen.out:
        write_between(chosen.out, "soak", text)


if __name__ == "__main__":
    main()
