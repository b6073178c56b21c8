"""A population's best member against the members of another one (fixed settings, say), as numbers and as a picture."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from html import escape
from pathlib import Path

from cluster.population.lineage.ancestry import ancestry, best, curve
from cluster.population.lineage.events import Event

Points = list[tuple[float, float]]

WIDTH, HEIGHT = 760, 420
LEFT, RIGHT, TOP, BOTTOM = 64, 44, 48, 52
# Colors that stay apart for the color-blind, on light and on dark.
BEST, MEDIAN, OTHERS = "#0072b2", "#d55e00", "#999999"


def own_curves(events: Sequence[Event]) -> dict[int, Points]:
    """Scores of each member along the ancestry of its newest branch: {member: [(environment steps, score), ...]}."""
    newest: dict[int, int] = {}
    for event in events:
        if event["event"] == "score":
            newest[event["member"]] = event["branch"]
    return {member: list(curve(events, ancestry(events, branch))) for member, branch in sorted(newest.items())}


def median_curve(events: Sequence[Event]) -> Points:
    """Median score at each comparison that holds all members which the first one held."""
    full: dict[int, Event] = {}
    for event in events:
        if event["event"] == "comparison":
            full[event["comparison"]] = event
    count = max((len(event["standings"]) for event in full.values()), default=0)
    return [
        (event["env_steps"], statistics.median(scores))
        for _, event in sorted(full.items())
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
    one, other = ({e["comparison"]: e for e in each if e["event"] == "comparison"} for each in (events, others))
    shared = [n for n in sorted(one) if n in other and one[n]["env_steps"] == other[n]["env_steps"]]
    if not shared:
        raise ValueError("the two populations have no comparison at the same steps")
    mine, theirs = one[shared[-1]], other[shared[-1]]
    if mine["fitness"] != theirs["fitness"]:
        raise ValueError(f"one is ranked by {mine['fitness']}, the other by {theirs['fitness']}")
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


def ticks(low: float, high: float) -> list[float]:
    """Three to seven round numbers from `low` to `high`."""
    power = 10.0 ** math.floor(math.log10((high - low) / 4))
    step = next(power * factor for factor in (1, 2, 2.5, 5, 10) if (high - low) / (power * factor) < 7)
    return [step * number for number in range(math.ceil(low / step), math.floor(high / step) + 1)]


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
    standing = best(events)
    if standing is None:
        raise ValueError("no comparison yet, so there is nothing to draw")
    main: Points = list(curve(events, ancestry(events, standing["branch"])))
    theirs, median = own_curves(others), median_curve(others)
    everything = [*main, *median, *(point for points in theirs.values() for point in points)]
    right = max(x for x, _ in everything)
    low, high = min(y for _, y in everything), max(y for _, y in everything)
    margin = (high - low) * 0.05 or 1.0
    low, high = low - margin, high + margin

    def place(x: float, y: float) -> str:
        across = LEFT + (WIDTH - LEFT - RIGHT) * x / right
        return f"{across:.1f},{TOP + (HEIGHT - TOP - BOTTOM) * (high - y) / (high - low):.1f}"

    def line(points: Points, color: str, width: float, dashes: str = "") -> str:
        where = " ".join(place(*point) for point in points)
        dashed = f' stroke-dasharray="{dashes}"' if dashes else ""
        return f'<polyline points="{where}" fill="none" stroke="{color}" stroke-width="{width}"{dashed}/>'

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}"',
        ' font-family="sans-serif" font-size="13">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
    ]
    for y in ticks(low, high):
        across, down = place(0, y).split(",")
        end = WIDTH - RIGHT
        parts.append(f'<line x1="{across}" x2="{end}" y1="{down}" y2="{down}" stroke="#dddddd"/>')
        parts.append(f'<text x="{LEFT - 8}" y="{down}" dy="4" text-anchor="end" fill="#333">{y:g}</text>')
    for x in ticks(0, right):
        across = place(x, low).split(",")[0]
        parts.append(f'<text x="{across}" y="{HEIGHT - BOTTOM + 20}" text-anchor="middle" fill="#333">{x:,.0f}</text>')
    parts += [line(points, OTHERS, 1.2) for points in theirs.values()]
    parts += [line(median, MEDIAN, 2.5, "6 4"), line(main, BEST, 2.5)]
    for place_across, color, text in (
        (LEFT, BEST, "best of the population"),
        (LEFT + 200, MEDIAN, "median of the others"),
        (LEFT + 400, OTHERS, "each of the others"),
    ):
        parts.append(f'<rect x="{place_across}" y="16" width="22" height="4" fill="{color}"/>')
        parts.append(f'<text x="{place_across + 30}" y="23" fill="#333">{text}</text>')
    label = f"environment steps of each member; score: {escape(fitness)}, higher is better"
    parts.append(f'<text x="{WIDTH / 2}" y="{HEIGHT - 10}" text-anchor="middle" fill="#333">{label}</text></svg>')
    Path(path).write_text("\n".join(parts) + "\n")
