"""Pages of a population's record: critic matrices and events."""

from __future__ import annotations

from cluster.dashboard.pages.numbers import number
from cluster.dashboard.pages.population_frame import frame
from cluster.dashboard.pages.run_pages import Context
from cluster.dashboard.readers.library import NotThere
from cluster.dashboard.readers.populations import Population

EVENTS_ON_A_PAGE = 200


def audit_page(population: Population, comparison: int | None) -> Context:
    """A critic matrix: row i, member i's paintings; column j, member j's discriminator.

    Raises:
        NotThere: there is no such comparison.
    """
    context = frame(population, "audit/", "Fitness audit")
    known = {row.get("comparison"): row for row in population.critics}
    if comparison is None and not known:
        return context | {"matrix": None}
    chosen = known.get(comparison) if comparison is not None else population.critics[-1]
    if chosen is None:
        raise NotThere(str(comparison))
    order = list(known)
    place = order.index(chosen.get("comparison"))
    trend = [[row.get("env_steps"), row.get("rank_correlation")] for row in known.values()]
    return context | {
        "matrix": chosen,
        "rows": matrix_rows(chosen),
        "columns": [column_ranks(chosen, column) for column in range(len(chosen["members"]))],
        "previous": order[place - 1] if place else None,
        "next": order[place + 1] if place + 1 < len(order) else None,
        "newest": place + 1 == len(order),
        "data": {"correlation": {"steps": [x for x, _ in trend], "y": [y for _, y in trend]}},
    }


def matrix_rows(matrix: Context) -> list[Context]:
    """Rows of the matrix; `tint` in [-1, 1] is the place of a score between the ends of its column."""
    scores, fitness = matrix["scores"], matrix.get("fitness") or []
    columns = list(zip(*scores, strict=True))
    rows = []
    for i, member in enumerate(matrix["members"]):
        cells = []
        for j, score in enumerate(scores[i]):
            values = [value for value in columns[j] if value is not None]
            span = max(values) - min(values) if values else 0.0
            tint = 2 * (score - min(values)) / span - 1 if span and score is not None else 0.0
            rank = 1 + sum(value > score for value in values) if score is not None else None
            cells.append({"score": score, "tint": tint, "rank": rank, "own": i == j})
        rows.append({"member": member, "cells": cells, "fitness": fitness[i] if i < len(fitness) else None})
    return rows


def column_ranks(matrix: Context, column: int) -> Context:
    """A critic: its member, its score of real images, and the member whose paintings it scores highest."""
    scores = [row[column] for row in matrix["scores"]]
    known = [score for score in scores if score is not None]
    real = matrix.get("real") or []
    return {
        "member": matrix["members"][column],
        "real": real[column] if column < len(real) else None,
        "favorite": matrix["members"][scores.index(max(known))] if known else None,
    }


def events_page(population: Population, number: int) -> Context:
    """Events, the newest first, page `number` from 1.

    Raises:
        NotThere: there is no such page.
    """
    pages = max(1, -(-len(population.events) // EVENTS_ON_A_PAGE))
    if not 1 <= number <= pages:
        raise NotThere(f"page {number}")
    newest = population.events[::-1][(number - 1) * EVENTS_ON_A_PAGE : number * EVENTS_ON_A_PAGE]
    return frame(population, "events/", "Events") | {
        "events": [{"event": event, "text": event_text(event)} for event in newest],
        "number": number,
        "pages": pages,
        "kinds": sorted({str(event.get("event")) for event in newest}),
    }


def event_text(event: Context) -> str:
    """An event in a few words."""
    kind = event.get("event")
    if kind == "exploit":
        scores = f"{number(event.get('score'))} against {number(event.get('donor_score'))}"
        pause = event.get("seconds")
        waited = f", paused {pause:.2f} s" if isinstance(pause, int | float) else ""
        return f"takes over member {event.get('donor')} (branch {event.get('donor_branch')}): {scores}{waited}"
    if kind == "explore":
        operations, before = event.get("operations") or {}, event.get("values_before") or {}
        changes = [
            f"{name.replace('_', ' ')} {number(before.get(name))} → {number(value)}"
            + (f" ({operations[name]})" if name in operations else "")
            for name, value in (event.get("values") or {}).items()
        ]
        return ", ".join(changes)
    if kind == "comparison":
        standings = ", ".join(
            f"{row.get('member')}: {number(row.get('score'))}" for row in event.get("standings") or []
        )
        return f"comparison {event.get('comparison')} by {event.get('fitness')}; {standings}"
    if kind in ("birth", "checkpoint"):
        values = ", ".join(
            f"{name.replace('_', ' ')} {number(value)}" for name, value in (event.get("values") or {}).items()
        )
        return values if kind == "birth" else f"update {event.get('update')}; {values}"
    if event.get("reason"):
        return str(event["reason"])
    known = ("n", "time", "elapsed_s", "event", "member", "branch", "env_steps")
    numbers = {name: value for name, value in event.items() if name not in known and isinstance(value, int | float)}
    return ", ".join(f"{name.replace('_', ' ')} {number(value)}" for name, value in numbers.items())
