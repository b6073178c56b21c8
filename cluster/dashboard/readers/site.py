"""The dashboard's memory between requests: one reader for each run and population."""

from __future__ import annotations

import contextlib
import threading
import time
from pathlib import Path

from cluster.dashboard.readers.library import Entry, Library, NotThere
from cluster.dashboard.readers.populations import Population
from cluster.dashboard.readers.runs import Run

# Seconds for which a scan of RUNS is believed.
SCAN_LASTS = 1.0


class Site:
    """Readers of everything below RUNS, refreshed when asked for. Use it under its `lock`: requests come in threads.

    Attributes:
        library: RUNS.
        lock: to be held while what this gives is used.
    """

    def __init__(self, root: Path, address: str = "") -> None:
        self.library = Library(root, address)
        self.lock = threading.RLock()
        self._runs: dict[str, Run] = {}
        self._populations: dict[str, Population] = {}
        self._entries: list[Entry] = []
        self._known: dict[tuple[str, str], Entry] = {}
        self._scanned = -SCAN_LASTS

    def entries(self) -> list[Entry]:
        """All runs, populations and paintings; readers of those that are gone are let go."""
        if time.monotonic() - self._scanned >= SCAN_LASTS:
            self._entries = self.library.entries()
            self._scanned = time.monotonic()
            self._known = {(entry.key, entry.kind): entry for entry in self._entries}
            keys = {entry.key for entry in self._entries}
            for readers in (self._runs, self._populations):
                for key in readers.keys() - keys:
                    del readers[key]
        return self._entries

    def run(self, key: str) -> Run:
        """A run, up to date.

        Raises:
            NotThere: there is none of this name.
        """
        entry = self._find(key, "run")
        population = self.population_of(entry)
        if population and (member := self._member(population, key)):
            return member
        return self._refreshed(entry)

    def population(self, key: str) -> Population:
        """A population, up to date with all its members.

        Raises:
            NotThere: there is none of this name.
        """
        entry = self._find(key, "population")
        population = self._populations.setdefault(key, Population(entry, self.library))
        population.refresh()
        return population

    def painting(self, key: str) -> Entry:
        """The file of a painting.

        Raises:
            NotThere: there is none of this name.
        """
        return self._find(key, "painting")

    def paintings(self) -> list[Entry]:
        """All paintings."""
        return [entry for entry in self.entries() if entry.kind == "painting"]

    def population_of(self, entry: Entry) -> Entry | None:
        """The population whose member this run is."""
        for other in self.entries():
            if other.kind == "population" and entry.path.parent == other.path / "members":
                return other
        return None

    def single_runs(self) -> list[Run]:
        """Runs that are no members of a population."""
        entries = self.entries()  # once: with thousands of runs, the next scan would be due before the last run
        members = {entry.path / "members" for entry in entries if entry.kind == "population"}
        return [self._refreshed(entry) for entry in entries if entry.kind == "run" and entry.path.parent not in members]

    def populations(self) -> list[Population]:
        """All populations."""
        return [self.population(entry.key) for entry in self.entries() if entry.kind == "population"]

    def fingerprint(self, page: str) -> str:
        """A text that changes when the page at this path would; cheap, as it is made of sizes and times only.

        Raises:
            NotThere: the path names a run or population that is not there.
        """
        kind, _, rest = page.partition("/")
        key = rest.split("/", 1)[0]
        if kind == "runs":
            chosen = [self._find(key, "run")]
        elif kind == "paintings":
            chosen = [self._find(key, "painting")]
        elif kind == "populations":
            own = self._find(key, "population")
            chosen = [own, *(entry for entry in self.entries() if entry.path.parent == own.path / "members")]
        else:
            chosen = self.entries()
        stamps = []
        for entry in chosen:
            if entry.kind == "painting":
                with contextlib.suppress(OSError):
                    status = entry.path.stat()
                    stamps.append(status.st_mtime_ns ^ status.st_size)
                continue
            for name in ("metrics.jsonl", "lineage.jsonl", "critics.jsonl", "samples", "checkpoints", "config.json"):
                try:
                    status = (entry.path / name).stat()
                except OSError:
                    continue
                stamps.append(status.st_mtime_ns ^ status.st_size)
        return f"{hash(tuple(stamps)) & 0xFFFFFFFFFFFF:x}"

    def _refreshed(self, entry: Entry) -> Run:
        run = self._runs.get(entry.key) or self._runs.setdefault(entry.key, Run(entry, self.library))
        run.refresh()
        return run

    def _find(self, key: str, kind: str) -> Entry:
        self.entries()
        entry = self._known.get((key, kind))
        if entry is None:
            raise NotThere(key)
        return entry

    def _member(self, entry: Entry, key: str) -> Run | None:
        population = self._populations.setdefault(entry.key, Population(entry, self.library))
        if not population.members:
            population.refresh()
        for run in population.members.values():
            if run.entry.key == key:
                run.refresh()
                return run
        return None
