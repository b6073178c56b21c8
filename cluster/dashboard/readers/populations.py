"""A population's folder: its record and its critic matrices, read as they grow (docs/population.md has the schema)."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Any

from cluster.dashboard.readers.library import Entry, Library, NotThere, encode
from cluster.dashboard.readers.runs import Run
from cluster.dashboard.readers.tail import Tail, parse
from cluster.population.lineage.ancestry import Branch, Lineage
from cluster.population.lineage.schema import fault
from envs.untrusted import read_json


class Population:
    """Members, branches, comparisons and events. `refresh` before looking.

    Attributes:
        events: all complete ones, oldest first.
        lineage: branches and comparisons.
        useful: by branch, the steps up to which a branch that trains now descends from it.
        critics: the critic matrices, oldest first.
        members: the runs of those that were found, by number.
        damaged: lines of the two files that are no JSON object.
    """

    def __init__(self, entry: Entry, library: Library) -> None:
        self.entry = entry
        self.library = library
        self.config: dict[str, Any] = {}
        self.members: dict[int, Run] = {}
        self.record = Tail(entry.path / "lineage.jsonl")
        self.matrix = Tail(entry.path / "critics.jsonl")
        self.damaged = 0
        self.critics: list[dict[str, Any]] = []
        self._start_over()

    def _start_over(self) -> None:
        self.events: list[dict[str, Any]] = []
        self.lineage = Lineage()
        self.useful: dict[int, int] = {}

    def refresh(self) -> None:
        """Read what changed in the record, the matrices and the members' runs."""
        with contextlib.suppress(OSError, ValueError, NotThere):
            config = read_json(self.library.check(self.entry.path / "config.json"))
            self.config = config if isinstance(config, dict) else {}
        for row in self._new(self.record, self._start_over):
            if fault(row):
                self.damaged += 1
                continue
            self.events.append(row)
            with contextlib.suppress(KeyError, TypeError, ValueError, AttributeError):
                self.lineage.take(row)  # an event of another version is shown, not drawn
        self.critics += [row for row in self._new(self.matrix, self.critics.clear) if matrix_fits(row)]
        self._find_members()
        for run in self.members.values():
            run.refresh()
        for number, branch in self.current.items():
            latest = self.members[number].latest if number in self.members else {}
            steps = latest.get("env_steps")
            if isinstance(steps, int | float) and latest.get("population/branch", branch.number) == branch.number:
                branch.end = max(branch.end, int(steps))
        self.useful = self.lineage.useful_until()

    def _new(self, tail: Tail, start_over: Any) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = []
        try:
            if tail.path.exists():
                self.library.check(tail.path)
            generation = tail.generation
            if not tail.has_changed():
                return rows
            if tail.generation != generation:
                start_over()
            for lines in tail.lines():
                parsed = parse(lines)
                rows += [row for row in parsed if row is not None]
                self.damaged += parsed.count(None)
        except (OSError, NotThere):
            pass
        return rows

    def _find_members(self) -> None:
        try:
            folders = sorted(self.library.check(self.entry.path / "members").iterdir())
        except (OSError, NotThere):
            return
        for path in folders:
            if path.name.isdecimal() and int(path.name) not in self.members and (path / "config.json").is_file():
                try:
                    self.library.check(path)
                except NotThere:
                    continue
                relative = path.relative_to(self.library.root).as_posix()
                self.members[int(path.name)] = Run(Entry(encode(relative), path, "run"), self.library, self.entry)

    @property
    def branches(self) -> dict[int, Branch]:
        """All branches, by number."""
        return self.lineage.branches

    @property
    def comparisons(self) -> dict[int, dict[str, Any]]:
        """The newest event of each comparison, by its number."""
        return self.lineage.comparisons

    @property
    def current(self) -> dict[int, Branch]:
        """The branch that each member trains now, by member."""
        return self.lineage.current

    def lives_on(self, branch: Branch) -> bool:
        """Return whether a branch, or a copy of it, still trains; the others died out."""
        return self.useful.get(branch.number, -1) > branch.start

    @property
    def founders(self) -> list[int]:
        """Branches of the founders, in order of their births."""
        return [branch.number for branch in self.lineage.founders]

    @property
    def numbers(self) -> list[int]:
        """All members that are known of."""
        return sorted({branch.member for branch in self.branches.values()} | set(self.members))

    @property
    def standings(self) -> list[dict[str, Any]]:
        """Standings of the newest comparison, best first."""
        return [row for row in self.lineage.standings if "member" in row]

    @property
    def best_branch(self) -> Branch | None:
        """The branch of the best standing that somebody still trains; None before any comparison."""
        for row in self.standings:
            branch = self.branches.get(row.get("branch", -1))
            if branch and self.current[branch.member] is branch and row.get("score") is not None:
                return branch
        return None

    @property
    def state(self) -> str:
        """`training`, `stopped`, `finished` or `new`."""
        states = [run.state for run in self.members.values()]
        if self.lineage.stopped in ("finished", "time"):
            return "finished"
        if self.lineage.stopped is not None:
            return "stopped"
        for state in ("training", "waiting", "new"):
            if state in states:
                return state
        if states and all(state == "finished" for state in states):
            return "finished"
        return "stopped" if states else "new"


def matrix_fits(row: Mapping[str, Any]) -> bool:
    """Return whether a line of critics.jsonl holds a square of numbers with its members, and nothing odd beside it."""
    members, scores = row.get("members"), row.get("scores")
    if not isinstance(members, list) or not isinstance(scores, list) or not members:
        return False
    square = len(scores) == len(members) and all(
        isinstance(each, list) and len(each) == len(members) for each in scores
    )
    beside = [row.get("real"), row.get("fitness")]  # a number for each member, if they are there
    if not square or not all(each is None or isinstance(each, list) for each in beside):
        return False
    numbers = [value for each in (*scores, *filter(None, beside)) for value in each]
    numbers += [row.get(name) for name in ("comparison", "env_steps", "rank_correlation")]
    return all(isinstance(value, int | float | None) for value in numbers)
