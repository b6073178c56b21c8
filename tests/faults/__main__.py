"""The campaign: `python -m tests.faults --help`."""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from tests.faults.parts import FAULTS, RUN_PARTS, Part, processes_of, title
from tests.faults.system import RUN, System, longest_silence, training_lost
from tests.helpers.tiny_run import make_images, options, running

BEGIN, END = "<!-- faults: begin -->", "<!-- faults: end -->"


@dataclass
class Record:
    """What came of one kind of fault."""

    recovered: list[bool] = field(default_factory=list)
    died: list[bool] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    lost: list[float] = field(default_factory=list)
    silences: list[float] = field(default_factory=list)


def strike(system: System, part: Part, fault: str, rng: random.Random, record: Record) -> bool:
    """Wait for a random moment, do a fault to a part, and record what follows. Returns whether it went on."""
    time.sleep(rng.uniform(1.0, 15.0))
    system.look()
    victims = processes_of(part, system.pid) if system.alive else []
    if not victims:
        print(f"  no process of {part.name}", flush=True)
        record.recovered.append(False)
        return True
    victim = rng.choice(victims)
    print(f"{time.strftime('%H:%M:%S')} {fault}: {part.name}, {title(victim) or victim.pid}", flush=True)
    since = time.time()
    with contextlib.suppress(psutil.NoSuchProcess):
        FAULTS[fault](victim)
    took = system.wait_until_training(time.time() if fault.startswith("stop") else since + 1.0, again=part.ends_driver)
    now = time.time()
    rows = system.rows()
    record.recovered.append(took is not None)
    record.died.append(not running([victim]))
    record.lost.append(training_lost(rows, since))
    if took is not None:
        record.seconds.append(took)
    if not part.ends_driver:  # a driver that is gone, or stopped, can not say so
        record.silences.append(longest_silence(rows, since, now))
    print(f"  went on after {took}, lost {record.lost[-1]:.1f} s of training", flush=True)
    return took is not None


def table(records: dict[tuple[str, str], Record]) -> str:
    """The campaign's outcome in Markdown."""
    lines = [
        "| part | fault | times | process ended | went on | seconds until the next update (longest) "
        "| training lost (longest) | silence without a note (longest) |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for (part, fault), record in records.items():
        longest = [
            f"{max(values):.0f} s" if values else "-" for values in (record.seconds, record.lost, record.silences)
        ]
        counts = f"{len(record.recovered)} | {sum(record.died)} | {sum(record.recovered)}"
        lines.append(f"| {part} | {fault} | {counts} | {' | '.join(longest)} |")
    return "\n".join(lines)


def campaign(repetitions: int, seed: int, minutes: float) -> str:
    """Strike all parts of a run by all faults, in random order, for as long as there is time."""
    rng = random.Random(seed)
    kinds = [(part, fault) for part in RUN_PARTS for fault in FAULTS]
    plan = [kind for _ in range(repetitions) for kind in rng.sample(kinds, len(kinds))]
    records: dict[tuple[str, str], Record] = {(part.name, fault): Record() for part in RUN_PARTS for fault in FAULTS}
    home = Path(tempfile.mkdtemp(prefix="faults-"))
    run = home / "run"
    command = ["train", str(make_images(home / "images")), "--run", str(run), "--or-resume", *options(**RUN)]
    system = System(command, run, home / "log")
    deadline = time.monotonic() + 60 * minutes
    begin = time.time()
    struck = 0
    system.start()
    try:
        if system.wait_until_training(begin, again=False) is None:
            raise SystemExit(f"the run did not begin: {home / 'log'}")
        for part, fault in plan:
            if time.monotonic() > deadline:
                break
            if not system.alive:
                system.wait_until_training(time.time(), again=True)
            strike(system, part, fault, rng, records[part.name, fault])
            struck += 1
        status = system.interrupt()
    finally:
        left = system.left_behind()
    load = os.getloadavg()[2]
    summary = (
        f"`make faults` with seed {seed}: {struck} faults in {(time.time() - begin) / 60:.0f} minutes, on "
        f"{os.cpu_count()} cores with a load of {load:.0f}. Ended by SIGTERM to the process group with exit status "
        f"{status}; left behind: {', '.join(left) or 'nothing'}."
    )
    shown = {key: record for key, record in records.items() if record.recovered}
    missing = [f"{part}: {fault}" for (part, fault), record in records.items() if not record.recovered]
    rest = f"\n\nNot tried, for want of time: {', '.join(missing)}." if missing else ""
    print(f"log: {home / 'log'}")
    return f"{summary}\n\n{table(shown)}{rest}"


def main() -> None:
    """Read the arguments, run the campaign and write its table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repetitions", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--minutes", type=float, default=600.0, help="begin no fault after this time")
    parser.add_argument("--out", type=Path, help="page whose table is replaced")
    chosen = parser.parse_args()
    text = campaign(chosen.repetitions, chosen.seed, chosen.minutes)
    print(text)
    if chosen.out:
        page = chosen.out.read_text()
        head, _, rest = page.partition(BEGIN)
        _, _, tail = rest.partition(END)
        chosen.out.write_text(f"{head}{BEGIN}\n{text}\n{END}{tail}")


if __name__ == "__main__":
    main()
