"""Ancestry: which branches led to a member, and the one schedule of hyper-parameters that its weights lived through."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from cluster.population.hyperparameters import Values
from cluster.population.lineage.events import Event


@dataclass(frozen=True)
class Branch:
    """A stretch of training with constant values.

    Attributes:
        number: unique in the population.
        member: whose it is.
        parent: the branch that it forked off; None for a member's first.
        donor: the member of that branch; None for a member's first.
        start: environment steps where it begins.
        values: evolved hyper-parameters.
    """

    number: int
    member: int
    parent: int | None
    donor: int | None
    start: int
    values: Values


def branches(events: Sequence[Event]) -> dict[int, Branch]:
    """All branches of a record, by number."""
    found: dict[int, Branch] = {}
    forks: dict[int, Event] = {}
    for event in events:
        if event["event"] == "birth":
            found[event["branch"]] = Branch(event["branch"], event["member"], None, None, 0, event["values"])
        elif event["event"] == "exploit":
            forks[event["branch"]] = event
        elif event["event"] == "explore" and (fork := forks.get(event["branch"])):
            number = event["branch"]
            found[number] = Branch(
                number, event["member"], fork["donor_branch"], fork["donor"], event["env_steps"], event["values"]
            )
    return found


def ancestry(events: Sequence[Event], branch: int) -> list[Branch]:
    """The branches that led to `branch`, founder first, itself last.

    Raises:
        ValueError: the record knows no such branch.
    """
    known = branches(events)
    path: list[Branch] = []
    number: int | None = branch
    while number is not None:
        if number not in known:
            raise ValueError(f"the record knows no branch {number}")
        path.append(known[number])
        number = known[number].parent
    return path[::-1]


def best(events: Sequence[Event]) -> dict[str, Any] | None:
    """The standing of the best member: first in the last comparison; None before any."""
    comparisons = [event for event in events if event["event"] == "comparison" and event["standings"]]
    if not comparisons:
        return None
    # The fullest of those with the highest number: a member that comes late adds a line with everyone in it.
    last = max(comparisons, key=lambda event: (event["comparison"], len(event["standings"])))
    standing: dict[str, Any] = last["standings"][0]
    return standing


def schedule(path: Sequence[Branch]) -> list[tuple[int, Values]]:
    """From which environment step on which values held, along an ancestry."""
    return [(branch.start, branch.values) for branch in path]


def values_at(steps: int, plan: Sequence[tuple[int, Values]]) -> Values:
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
