"""What came of every fault of all campaigns: lines of JSON that are kept, and the table that they make."""

from __future__ import annotations

import json
import statistics
import threading
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

Row = dict[str, Any]
Key = tuple[str, str]


class FaultLog:
    """Rows of faults and of the ends of systems, of this campaign and of those before; several threads may add.

    Attributes:
        rows: Of a fault: `campaign` (date, commit and seed), `load`, `part`, `fault`, `went_on`, `ended` (whether the
            process did), `by_kernel` (processes that the kernel ended), `seconds`, `lost`, `silence`, `events` and
            `events_lost` of the population's record. Of the end of a system: `campaign`, `system`, `status`, `left`.
    """

    def __init__(self, path: Path | None) -> None:
        """`path` is the file of lines; without one nothing is kept."""
        self.path, self.lock = path, threading.Lock()
        self.rows: list[Row] = []
        if path is not None and path.exists():
            self.rows = [json.loads(line) for line in path.read_text().splitlines()]

    def add(self, row: Row) -> None:
        """Add a row, also to the file."""
        with self.lock:
            self.rows.append(row)
            if self.path is not None:
                with self.path.open("a") as file:
                    file.write(json.dumps(row) + "\n")

    @property
    def faults(self) -> list[Row]:
        """The rows of faults."""
        return [row for row in self.rows if "fault" in row]

    def count(self, key: Key) -> int:
        """How often a part was struck by a fault."""
        return sum((row["part"], row["fault"]) == key for row in self.faults)

    def text(self, kinds: Sequence[Key]) -> str:
        """What came of all campaigns, in Markdown.

        Args:
            kinds: Parts and faults in the table's order.
        """
        faults, ends = self.faults, [row for row in self.rows if "system" in row]
        campaigns = dict.fromkeys(row["campaign"] for row in self.rows)
        load = statistics.mean(row["load"] for row in faults) if faults else 0.0
        clean = sum(row["status"] == 0 and not row["left"] for row in ends)
        others = [f"{row['system']}: {row['status']}, left behind {row['left'] or 'nothing'}" for row in ends]
        others = [other for other, row in zip(others, ends, strict=True) if row["status"] != 0 or row["left"]]
        lines = [
            f"{len(faults)} faults in {len(campaigns)} campaigns ({'; '.join(campaigns)}), at a load of {load:.0f} on "
            f"the average. "
            f"Events of lineage.jsonl lost: {sum(row['events_lost'] for row in faults)} of "
            f"{sum(row['events'] for row in faults)}. Systems ended by SIGTERM to the process group at the end of a "
            f"campaign: {len(ends)}, of which {clean} with exit status 0 and nothing left behind"
            f"{'; the others: ' + '; '.join(others) if others else ''}.",
            "",
            "| part | fault | went on | process ended | median, s | longest, s | training lost (longest) "
            "| silence without a note (longest) |",
            "| --- | --- | --- | --- | --- | --- | --- | --- |",
        ]
        lines += [line(kind, [row for row in faults if (row["part"], row["fault"]) == kind]) for kind in kinds]
        return "\n".join(lines)


def line(kind: Key, rows: Iterable[Row]) -> str:
    """The table's line of one kind of fault."""
    rows = list(rows)
    seconds = values(rows, "seconds")
    middle = f"{statistics.median(seconds):.0f} s" if seconds else "-"
    longest = [f"{max(found):.0f} s" if found else "-" for found in map(lambda name: values(rows, name), LONGEST)]
    kernel = values(rows, "by_kernel")
    kills = f", {sum(map(bool, kernel))} by the kernel" if kernel else ""
    went_on = f"{sum(row['went_on'] for row in rows)} of {len(rows)}"
    ended = f"{sum(row['ended'] for row in rows)} of {len(rows)}"
    return f"| {' | '.join(kind)} | {went_on} | {ended}{kills} | {middle} | {' | '.join(longest)} |"


LONGEST = ("seconds", "lost", "silence")


def values(rows: Iterable[Row], name: str) -> list[float]:
    """The numbers of this name that rows have."""
    return [row[name] for row in rows if row.get(name) is not None]
