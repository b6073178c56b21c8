"""The metrics of a run in bounded memory and time, however long it trained."""

from __future__ import annotations

import math
import re
from array import array
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cluster.dashboard.readers.tail import Tail, is_real, parse

# Rows that are kept. Beyond it every second one is let go, then every second of those, and so on.
MOST_ROWS = 2048
# Notable rows (events, pictures, notes) that are kept.
MOST_NOTABLE = 2000
# A row with one of these is notable: always read, never thinned out.
NOTABLE = (b'"event"', b'"sample/', b'"note"')

# Types of the fields that every row, and rows of events, have.
LONG_NUMBER = re.compile(rb"[0-9]{300}")
FLAT = {int, float, str, bool, type(None)}
NUMBERS = {int, float, bool}
REAL, TEXT = (int, float, type(None)), (str, type(None))
KINDS: dict[str, Any] = {
    "update": REAL,
    "time": REAL,
    "env_steps": REAL,
    "elapsed_s": REAL,
    "event": TEXT,
    "note": TEXT,
}

X_AXES = {"steps": "env_steps", "minutes": "elapsed_s", "updates": "update"}


class History:
    """Columns of `metrics.jsonl`, read as it grows.

    A resumed run repeats updates: when the row `{"event": "resume", "update": n}` comes, the rows before it that are
    later than update n are dropped, as TensorBoard does. A member of a population goes back when it takes another's
    place; those rows stay, and `population/branch` tells the stretches apart.

    Attributes:
        latest: the newest value of every name.
        stride: each how-many-th regular row is kept.
        rows: regular rows written so far, kept or not.
        damaged: lines that are no JSON object.
        notable: the newest rows with an event, a picture or a note, as written.
    """

    def __init__(self, path: Path) -> None:
        self.tail = Tail(path)
        self._start_over()

    def _start_over(self) -> None:
        self.columns: dict[str, array[float]] = {}
        self.latest: dict[str, Any] = {}
        self.notable: list[dict[str, Any]] = []
        self.recent: list[float] = []
        self.length = self.rows = self.damaged = 0
        self.stride = 1

    def refresh(self) -> None:
        """Read what is new."""
        generation = self.tail.generation
        if not self.tail.has_changed():
            return
        if self.tail.generation != generation:
            self._start_over()
        fresh = self.rows == 0
        for block in self.tail.blocks():
            if fresh and self.tail.stamp:
                each = len(block) / block.count(b"\n")
                while self.tail.stamp[0] / each / self.stride > MOST_ROWS:
                    self.stride *= 2
                fresh = False
            self._take(block)

    def _take(self, block: bytes) -> None:
        ends = np.flatnonzero(np.frombuffer(block, np.uint8) == ord("\n"))
        starts = np.concatenate([[0], ends[:-1] + 1])
        notable = lines_with(block, ends, NOTABLE)
        numbers_of = self.rows - 1 + np.cumsum(~notable)  # of the regular ones
        self.rows += int((~notable).sum())
        wanted = notable | (numbers_of % self.stride == 0)
        wanted[-2:] = True
        (chosen,) = np.nonzero(wanted)
        lines = [block[starts[line] : ends[line]] for line in chosen]
        rows = parse(lines)
        regular: list[dict[str, Any]] = []
        if LONG_NUMBER.search(b"\n".join(lines)):
            rows = list(map(finite_size, rows))
        for line, row in zip(chosen, map(plain, rows), strict=True):
            if row is None:
                self.damaged += 1
                continue
            if row.get("event") == "resume":
                self._keep(regular)
                regular = []
                self._forget_after(row.get("update"), row.get("population/branch"))
            self.latest.update(row)
            self.latest["note"] = row.get("note")
            if notable[line]:
                self.notable.append(row)
                del self.notable[:-MOST_NOTABLE]
            elif numbers_of[line] % self.stride == 0:
                regular.append(row)
                if self.length + len(regular) > MOST_ROWS:
                    self._keep(regular)
                    regular = []
        self._keep(regular)

    def _keep(self, rows: list[dict[str, Any]]) -> None:
        """Append rows to the columns, a column at a time."""
        for name in dict.fromkeys(name for row in rows for name in row) | self.columns:
            values: list[Any] = [row.get(name) for row in rows]
            if not set(map(type, values)) <= NUMBERS:
                values = [value if type(value) in NUMBERS else math.nan for value in values]
                if name not in self.columns and all(map(math.isnan, values)):
                    continue
            if name not in self.columns:
                self.columns[name] = array("d", [math.nan]) * self.length
            self.columns[name].extend(values)
        self.length += len(rows)
        if self.length > MOST_ROWS:
            self.stride *= 2
            self._select(np.arange(self.length) % 2 == 0)

    def _forget_after(self, update: Any, branch: Any) -> None:
        """Drop later rows of this branch; if none is given, as in older records, of the last row's."""
        if not isinstance(update, int | float):
            return
        branches = np.nan_to_num(self.column("population/branch"), nan=-1.0)
        if branch is None:
            branch = branches[-1] if self.length else -1.0
        stay = np.flatnonzero(~(self.column("update") > update) | (branches != branch))
        self._select(np.arange(self.length) <= (stay[-1] if len(stay) else -1))
        while self.notable and "event" not in (last := self.notable[-1]) and last.get("update", 0) > update:
            if last.get("population/branch", -1) != branch:
                break
            self.notable.pop()

    def _select(self, mask: NDArray[np.bool_]) -> None:
        for name in self.columns:
            self.columns[name] = array("d", self.column(name)[mask].tobytes())
        self.length = int(mask.sum())

    def column(self, name: str) -> NDArray[np.float64]:
        """float64 [length], NaN if a row lacks it (or held a value that is not finite)."""
        if name not in self.columns:
            return np.full(self.length, math.nan)
        return np.array(self.columns[name])

    def recent_mean(self, name: str) -> float | None:
        """Mean of the last 30 rows that have it."""
        values = self.column(name)
        values = values[~np.isnan(values)][-30:]
        return float(values.mean()) if len(values) else None

    def rows_with(self, name: str) -> list[dict[str, Any]]:
        """Notable rows with a number of this name, in order."""
        return [row for row in self.notable if isinstance(row.get(name), int | float)]

    def evaluations(self) -> list[dict[str, Any]]:
        """Notable rows with something measured on samples, in order."""
        return [row for row in self.notable if any(is_measure(name, value) for name, value in row.items())]


def plain(row: dict[str, Any] | None) -> dict[str, Any] | None:
    """A row as training writes it, flat; without values of other kinds, which a stranger's may hold."""
    if row is None or (
        set(map(type, row.values())) <= FLAT and all(isinstance(row.get(key), KINDS[key]) for key in KINDS)
    ):
        return row
    flat = {key: value for key, value in row.items() if type(value) in FLAT}
    return {key: value for key, value in flat.items() if isinstance(value, KINDS.get(key, object))}


def finite_size(row: dict[str, Any] | None) -> dict[str, Any] | None:
    """A row without whole numbers that no float holds."""
    return row and {key: value for key, value in row.items() if type(value) is not int or is_real(value)}


def lines_with(block: bytes, ends: NDArray[np.int64], marks: Iterable[bytes]) -> NDArray[np.bool_]:
    """Find the lines of a block that have one of the marks: bool [lines]; `ends` are the places of their newlines.

    The block is searched as a whole: most lines have none, and Python never looks at those.
    """
    found = np.zeros(len(ends), bool)
    for mark in marks:
        place = block.find(mark)
        while place >= 0:
            line = np.searchsorted(ends, place)
            found[line] = True
            place = block.find(mark, ends[line])
    return found


def is_measure(name: str, value: Any) -> bool:
    """Return whether this is a number that was measured on samples."""
    return name.startswith("sample/") and isinstance(value, int | float)


def buckets(history: History, names: list[str], most: int = 300) -> dict[str, Any]:
    """Series short enough for a page: means over equal numbers of rows, with the lowest and highest of each.

    Returns:
        `x`: by axis (steps, minutes, updates) a list; `series`: by name `mean`, and `low` and `high` if a
        bucket holds several rows; `breaks`: buckets at which another branch begins. None stands for no value.
    """
    if not history.length:
        return {"x": {axis: [] for axis in X_AXES}, "series": {}, "breaks": []}
    edges = np.linspace(0, history.length, min(most, history.length) + 1).astype(int)
    branches = history.column("population/branch")
    breaks = np.flatnonzero(np.diff(np.nan_to_num(branches, nan=-1.0))) + 1
    edges = np.unique(np.concatenate([edges, breaks]))  # no mean runs over the end of a branch
    starts, sizes = edges[:-1], np.diff(edges)

    def means(values: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        given = ~np.isnan(values)
        counts = np.add.reduceat(given, starts, dtype=np.int64)
        return np.add.reduceat(np.where(given, values, 0.0), starts) / np.maximum(counts, 1), counts > 0

    x = {}
    for axis, name in X_AXES.items():
        values, given = means(history.column(name))
        x[axis] = numbers(values / (60 if axis == "minutes" else 1), given, 6)
    series: dict[str, Any] = {}
    for name in names:
        column = history.column(name)
        values, given = means(column)
        if not given.any():
            continue
        series[name] = {"mean": numbers(values, given)}
        if sizes.max() > 1:
            low = np.minimum.reduceat(np.where(np.isnan(column), np.inf, column), starts)
            high = np.maximum.reduceat(np.where(np.isnan(column), -np.inf, column), starts)
            series[name] |= {"low": numbers(low, given), "high": numbers(high, given)}
    return {"x": x, "series": series, "breaks": np.searchsorted(edges, breaks).tolist()}


def numbers(values: NDArray[np.float64], given: NDArray[np.bool_], digits: int = 4) -> list[float | None]:
    """Plain numbers of a few significant digits; None for those not given or not finite."""
    return [
        float(f"{value:.{digits}g}") if there and math.isfinite(value) else None
        for value, there in zip(values.tolist(), given.tolist(), strict=True)
    ]
