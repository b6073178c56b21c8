"""The best member of a population against the members of another one, as numbers and as a picture."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

from matplotlib.figure import Figure

from cluster.population.lineage.ancestry import Lineage, curve
from cluster.population.lineage.events import Event
from envs.data_files import write_atomically

Points = list[tuple[int, float]]

# Colors that stay apart for the color-blind, on light and on dark.
BEST, MEDIAN, OTHERS = "#0072b2", "#d55e00", "#999999"


def own_curves(events: Sequence[Event]) -> dict[int, Points]:
    """Scores of each member along the ancestry of its newest branch: {member: [(environment steps, score), ...]}."""
    lineage = Lineage(events)
    newest = {event["member"]: event["branch"] for event in events if event["event"] == "score"}
    return {member: curve(events, lineage.ancestry(branch)) for member, branch in sorted(newest.items())}


def median_curve(events: Sequence[Event]) -> Points:
    """Median score at each comparison that holds as many members as the fullest one."""
    comparisons = sorted(Lineage(events).comparisons.items())
    count = max((len(event["standings"]) for _, event in comparisons), default=0)
    return [
        (event["env_steps"], statistics.median(scores))
        for _, event in comparisons
        if len(scores := [each["score"] for each in event["standings"] if each["score"] is not None]) == count
    ]


def discarded_steps(events: Sequence[Event]) -> int:
    """Environment steps that exploits threw away: trained between a comparison and the copy that it led to."""
    exploits = (event for event in events if event["event"] == "exploit")
    return sum(max(0, event["env_steps_before"] - event["env_steps"]) for event in exploits)


def compare(events: Sequence[Event], others: Sequence[Event]) -> dict[str, float | int | str]:
    """The best member of one population against the median of another, at the last comparison that both have.

    Raises:
        ValueError: there is none, or they were ranked by different measures.
    """
    one, other = Lineage(events).comparisons, Lineage(others).comparisons
    shared = [n for n in sorted(one) if n in other and one[n]["env_steps"] == other[n]["env_steps"]]
    if not shared:
        raise ValueError("the two populations have no comparison at the same steps")
    mine, theirs = one[shared[-1]], other[shared[-1]]
    if mine["fitness"] != theirs["fitness"]:
        raise ValueError(f"one is ranked by {mine['fitness']}, the other by {theirs['fitness']}")
    judges = [event.get("judge_seed", 0) for event in (mine, theirs)]
    if mine["fitness"] == "judge" and judges[0] != judges[1]:
        raise ValueError(f"one is ranked by the judge of seed {judges[0]}, the other by that of seed {judges[1]}")
    scores = [each["score"] for each in theirs["standings"] if each["score"] is not None]
    return {
        "fitness": mine["fitness"],
        "env_steps": mine["env_steps"],
        "best": mine["standings"][0]["score"],
        "median_of_others": statistics.median(scores),
        "best_of_others": max(scores),
        "members": len(mine["standings"]),
        "others": len(scores),
        "discarded_steps": discarded_steps(events),
    }


def write_svg(path: str | Path, events: Sequence[Event], others: Sequence[Event], fitness: str) -> None:
    """Draw scores over environment steps: the best member's ancestry, the others' members, and their median.

    Args:
        path: of the SVG file.
        events: of the population whose best member is shown.
        others: of the population to compare with.
        fitness: name of the measure, for the axis.

    Raises:
        ValueError: there is no comparison yet.
    """
    lineage = Lineage(events)
    if lineage.best is None:
        raise ValueError("no comparison yet, so there is nothing to draw")
    figure = Figure(figsize=(7.6, 4.2), layout="constrained")
    axes = figure.subplots()
    for number, points in enumerate(own_curves(others).values()):
        axes.plot(
            *columns(points),
            color=OTHERS,
            linewidth=1.2,
            gid=f"other-{number}",
            label="_" * number + "each of the others",
        )
    axes.plot(
        *columns(median_curve(others)),
        color=MEDIAN,
        linewidth=2.5,
        linestyle="--",
        gid="median",
        label="median of the others",
    )
    main = curve(events, lineage.ancestry(lineage.best["branch"]))
    axes.plot(*columns(main), color=BEST, linewidth=2.5, gid="best", label="best of the population")
    axes.set_xlabel("environment steps of each member")
    axes.set_ylabel(f"score: {fitness}, higher is better")
    axes.xaxis.set_major_formatter("{x:,.0f}")
    axes.grid(color="#dddddd")
    axes.legend()
    picture = BytesIO()
    figure.savefig(picture, format="svg")
    write_atomically(Path(path), picture.getvalue())


def columns(points: Points) -> tuple[list[int], list[float]]:
    """Steps and scores of a curve, apart."""
    return [steps for steps, _ in points], [score for _, score in points]
