"""A population's folder: its record and its critic matrices, read as they grow (docs/population.md has the schema)."""

from __future__ import annotations

import contextlib
import itertools
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cluster.dashboard.readers.library import Entry, Library, NotThere, encode
from cluster.dashboard.readers.runs import Run
from cluster.dashboard.readers.tail import Tail, parse


@dataclass
class Branch:
    """A stretch of training of one member with constant evolved values.

    Attributes:
        number: unique in the population.
        member: who trained it.
        parent: the branch that it forked off; None for a founder's.
        donor: the member that it was copied from; None for a founder's.
        start, end: environment steps; the end grows while it trains.
        values: the evolved hyper-parameters.
        founder: the branch at the root of its ancestry.
        useful: steps up to which a branch that trains now descends from it; `start` or less if none does.
        score: newest fitness, None before any.
        operations: how the values were changed when it was born.
        current: whether its member trains it now.
    """

    number: int
    member: int
    parent: int | None
    donor: int | None
    start: float
    end: float
    values: dict[str, float]
    founder: int
    useful: float = -1.0
    score: float | None = None
    operations: dict[str, str] = field(default_factory=dict)
    current: bool = False


class Population:
    """Members, branches, comparisons and events. `refresh` before looking.

    Attributes:
        events: all complete ones, oldest first.
        critics: the critic matrices, oldest first.
        branches: by number.
        comparisons: the newest `comparison` event of each comparison, by its number.
        members: the runs of those that were found, by number.
        damaged: lines of the two files that are no JSON object.
    """

    def __init__(self, entry: Entry, library: Library) -> None:
        self.entry = entry
        self.library = library
        self.config: dict[str, Any] = {}
        self.members: dict[int, Run] = {}
        self.lineage = Tail(entry.path / "lineage.jsonl")
        self.matrix = Tail(entry.path / "critics.jsonl")
        self.damaged = 0
        self.critics: list[dict[str, Any]] = []
        self._start_over()

    def _start_over(self) -> None:
        self.events: list[dict[str, Any]] = []
        self.branches: dict[int, Branch] = {}
        self.comparisons: dict[int, dict[str, Any]] = {}
        self.restarts = self.crashes = 0
        self.stopped: str | None = None

    def refresh(self) -> None:
        """Read what changed in the record, the matrices and the members' runs."""
        with contextlib.suppress(OSError, ValueError, NotThere):
            self.config = json.loads(self.library.check(self.entry.path / "config.json").read_bytes())
        for row in self._new(self.lineage, self._start_over):
            self.events.append(row)
            try:
                self._take(row)
            except (KeyError, TypeError, ValueError, AttributeError):  # an event of another version: shown, not drawn
                continue
        self.critics += [row for row in self._new(self.matrix, self.critics.clear) if matrix_fits(row)]
        self._find_members()
        for run in self.members.values():
            run.refresh()
        self._finish()

    def _new(self, tail: Tail, start_over: Any) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = []
        try:
            if tail.path.exists():
                self.library.check(tail.path)
            generation = tail.generation
            if not tail.look():
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

    def _take(self, event: dict[str, Any]) -> None:
        kind, member = event.get("event"), event.get("member")
        steps = event.get("env_steps")
        if kind == "birth":
            number = int(event["branch"])
            start = float(steps or 0)
            self.branches[number] = Branch(
                number, int(event["member"]), None, None, start, start, dict(event["values"]), number
            )
        elif kind == "exploit":
            self._fork(event)
        elif kind == "explore":
            branch = self.branches[int(event["branch"])]
            branch.values = dict(event["values"])
            branch.operations = dict(event.get("operations") or {})
        elif kind == "comparison":
            self.comparisons[int(event["comparison"])] = event
            for standing in event.get("standings") or []:
                if branch_of := self.branches.get(standing.get("branch")):
                    branch_of.score = standing.get("score")
                    branch_of.end = max(branch_of.end, float(standing.get("env_steps") or 0))
        elif kind == "crash":
            self.crashes += 1
        elif kind == "restart" and member is not None:
            self.restarts += 1
        if kind == "stop" and member is None:
            self.stopped = str(event.get("reason"))
        elif kind in ("restart", "birth", "comparison"):
            self.stopped = None
        if kind not in ("exploit", "comparison") and steps is not None and event.get("branch") in self.branches:
            known = self.branches[event["branch"]]
            known.end = max(known.end, float(steps))

    def _fork(self, event: dict[str, Any]) -> None:
        number, start = int(event["branch"]), float(event["env_steps"])
        parent = self.branches[int(event["donor_branch"])]
        parent.end = max(parent.end, start)
        if event.get("previous_branch") in self.branches and event.get("env_steps_before") is not None:
            previous = self.branches[event["previous_branch"]]
            previous.end = max(previous.end, float(event["env_steps_before"]))
        self.branches[number] = Branch(
            number,
            int(event["member"]),
            parent.number,
            int(event["donor"]),
            start,
            start,
            dict(event["values"]),
            parent.founder,
        )

    def _finish(self) -> None:
        """What follows from all events together: who trains now, and what of the past led there."""
        newest: dict[int, Branch] = {}
        for branch in self.branches.values():
            branch.useful, branch.current = -1.0, False
            newest[branch.member] = branch
        for member, branch in newest.items():
            branch.current = True
            if member in self.members:
                steps = self.members[member].latest.get("env_steps")
                on_branch = self.members[member].latest.get("population/branch", branch.number) == branch.number
                if isinstance(steps, int | float) and on_branch:
                    branch.end = max(branch.end, float(steps))
            branch.useful = branch.end
            for child, parent in self._links(branch):
                if parent.useful >= child.start:
                    break
                parent.useful = child.start

    def _links(self, branch: Branch) -> list[tuple[Branch, Branch]]:
        path = [self.branches[number] for number in self.ancestry(branch.number)]
        return [(child, parent) for parent, child in itertools.pairwise(path)][::-1]

    def ancestry(self, number: int) -> list[int]:
        """A branch and its ancestors, the founder's first."""
        path: list[int] = []
        current: int | None = number
        while current is not None and (not path or current < path[-1]):  # numbers grow, so a wrong one can not loop
            path.append(current)
            current = self.branches[current].parent
        return path[::-1]

    @property
    def founders(self) -> list[int]:
        """Branches of the founders, in order of their members."""
        return [branch.number for branch in self.branches.values() if branch.parent is None]

    @property
    def numbers(self) -> list[int]:
        """All members that are known of."""
        return sorted({branch.member for branch in self.branches.values()} | set(self.members))

    def current(self, member: int) -> Branch | None:
        """The branch that a member trains now."""
        return next((each for each in self.branches.values() if each.current and each.member == member), None)

    @property
    def standings(self) -> list[dict[str, Any]]:
        """Of the newest comparison, best first."""
        if not self.comparisons:
            return []
        return [row for row in self.comparisons[max(self.comparisons)].get("standings") or [] if "member" in row]

    @property
    def best_branch(self) -> Branch | None:
        """The branch of the best standing that somebody still trains; None before any comparison."""
        for row in self.standings:
            branch = self.branches.get(row.get("branch", -1))
            if branch and branch.current and row.get("score") is not None:
                return branch
        return None

    @property
    def state(self) -> str:
        """`training`, `stopped`, `finished` or `new`."""
        states = [run.state for run in self.members.values()]
        if self.stopped in ("finished", "time"):
            return "finished"
        if self.stopped is not None:
            return "stopped"
        for state in ("training", "waiting", "new"):
            if state in states:
                return state
        if states and all(state == "finished" for state in states):
            return "finished"
        return "stopped" if states else "new"


def matrix_fits(row: Mapping[str, Any]) -> bool:
    """Whether a line of critics.jsonl holds a square of numbers with its members."""
    members, scores = row.get("members"), row.get("scores")
    if not isinstance(members, list) or not isinstance(scores, list) or not members:
        return False
    square = len(scores) == len(members) and all(
        isinstance(each, list) and len(each) == len(members) for each in scores
    )
    return square and all(isinstance(value, int | float | None) for each in scores for value in each)
