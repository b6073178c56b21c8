"""The lineage of a population: its branches and comparisons, as the events of its record add up to them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from cluster.population.lineage.events import Event

Values = dict[str, float]
Schedule = list[tuple[int, Values]]


@dataclass
class Branch:
    """A stretch of training of one member with constant evolved values.

    Attributes:
        number: unique in the population.
        member: trains it.
        parent: the branch that it forked off; None for a founder's.
        donor: the member that it was copied from; None for a founder's.
        start: environment steps where it begins.
        end: environment steps so far.
        values: evolved hyper-parameters.
        founder: the branch at the root of its ancestry.
        operations: changes of the values when it was born, by name.
        score: newest fitness; None before any.
    """

    number: int
    member: int
    parent: int | None
    donor: int | None
    start: int
    end: int
    values: Values
    founder: int
    operations: dict[str, str] = field(default_factory=dict)
    score: float | None = None


@contextlib.contextmanager
def explained(event: Event) -> Iterator[None]:
    """Raise a `ValueError` that names the event where something that it should hold is missing or wrong."""
    try:
        yield
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        name = f"{event.get('n')} ({event.get('event')})"
        raise ValueError(f"event {name} of the record can not be read: {type(error).__name__} {error}") from error


class Lineage:
    """The one fold of a record's branches and comparisons; `take` adds an event.

    Attributes:
        branches: by number.
        comparisons: the newest `comparison` event of each comparison, by its number: a member that comes late adds a
            line with everyone in it.
        evaluation: the last `evaluation` event of the best member; None if there is none since the last comparison.
        restarts: starts of members after their first.
        stopped: the reason of the population's end; None while it goes on.
    """

    def __init__(self, events: Iterable[Event] = ()) -> None:
        self.branches: dict[int, Branch] = {}
        self.comparisons: dict[int, Event] = {}
        self.evaluation: Event | None = None
        self.restarts = 0
        self.stopped: str | None = None
        for event in events:
            with explained(event):
                self.take(event)

    def take(self, event: Event) -> None:
        """Add one event; kinds that are not known change nothing.

        Raises:
            KeyError, TypeError, ValueError: the event lacks something, as one of another version may; it then changes
                nothing.
        """
        kind, member, steps = event.get("event"), event.get("member"), event.get("env_steps")
        if kind == "birth":
            number = int(event["branch"])
            self.branches[number] = Branch(
                number, int(event["member"]), None, None, steps or 0, steps or 0, dict(event["values"]), number
            )
        elif kind == "exploit":
            self._fork(event)
        elif kind == "explore":
            branch, values = self.branches[event["branch"]], dict(event["values"])
            branch.values, branch.operations = values, dict(event.get("operations") or {})
        elif kind == "comparison":
            self.comparisons[int(event["comparison"])] = event
            self.evaluation = None
            for standing in event.get("standings") or []:
                if ranked := self.branches.get(standing.get("branch")):
                    ranked.score = standing.get("score")
                    ranked.end = max(ranked.end, standing.get("env_steps") or 0)
        elif kind == "evaluation":
            self.evaluation = event
        elif kind == "restart" and member is not None:
            self.restarts += 1
        elif kind == "stop" and member is None:
            self.stopped = str(event.get("reason"))
        if kind in ("restart", "birth", "comparison"):
            self.stopped = None
        if kind not in ("exploit", "comparison") and steps is not None and event.get("branch") in self.branches:
            known = self.branches[event["branch"]]
            known.end = max(known.end, steps)

    def _fork(self, event: Event) -> None:
        number, member, donor, start = (int(event[name]) for name in ("branch", "member", "donor", "env_steps"))
        parent, values = self.branches[event["donor_branch"]], dict(event["values"])
        parent.end = max(parent.end, start)
        if previous := self.branches.get(event.get("previous_branch", -1)):
            previous.end = max(previous.end, event.get("env_steps_before") or 0)
        self.branches[number] = Branch(number, member, parent.number, donor, start, start, values, parent.founder)

    def ancestry(self, number: int) -> list[Branch]:
        """The branches that led to `number`, founder first, itself last.

        Raises:
            ValueError: the record knows no such branch.
        """
        path: list[Branch] = []
        current: int | None = number
        while current is not None and (not path or current < path[-1].number):  # numbers grow: a wrong one can not loop
            if current not in self.branches:
                raise ValueError(f"the record knows no branch {current}")
            path.append(self.branches[current])
            current = path[-1].parent
        return path[::-1]

    @property
    def founders(self) -> list[Branch]:
        """Branches of the founders, in order of their births."""
        return [branch for branch in self.branches.values() if branch.parent is None]

    @property
    def current(self) -> dict[int, Branch]:
        """The newest branch of each member, by member."""
        return {branch.member: branch for branch in self.branches.values()}

    @property
    def standings(self) -> list[Event]:
        """The standings of the last comparison, best first; empty before any."""
        return self.comparisons[max(self.comparisons)].get("standings") or [] if self.comparisons else []

    @property
    def best(self) -> Event | None:
        """The standing of the best member: first in the last comparison; None before any."""
        return next(iter(self.standings), None)

    def useful_until(self) -> dict[int, int]:
        """Steps up to which a branch that trains now descends from each branch; branches without such are left out."""
        useful: dict[int, int] = {}
        for branch in self.current.values():
            reached = branch.end
            for ancestor in self.ancestry(branch.number)[::-1]:
                if useful.get(ancestor.number, -1) >= reached:
                    break
                useful[ancestor.number], reached = reached, ancestor.start
        return useful


def schedule(path: Sequence[Branch]) -> Schedule:
    """The values that held along an ancestry, each with the environment step from which on they did."""
    return [(branch.start, branch.values) for branch in path]


def values_at(steps: int, plan: Schedule) -> Values:
    """The values of a schedule at a number of environment steps."""
    held = [values for start, values in plan if start <= steps]
    return held[-1] if held else plan[0][1]


def curve(events: Sequence[Event], path: Sequence[Branch]) -> list[tuple[int, float]]:
    """Scores along an ancestry: (environment steps, score), each branch up to where the next one forked off."""
    ends = [branch.start for branch in path[1:]] + [None]
    points: dict[int, float] = {}
    for branch, end in zip(path, ends, strict=True):
        for event in events:
            measured = event["event"] == "score" and event["score"] is not None
            if measured and event["branch"] == branch.number and (end is None or event["env_steps"] <= end):
                points[event["env_steps"]] = event["score"]
    return sorted(points.items())
