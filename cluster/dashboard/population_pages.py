"""Pages of a population: what each template is given."""

from __future__ import annotations

from typing import Any

from cluster.dashboard.history import buckets
from cluster.dashboard.lanes import COLOURS, draw
from cluster.dashboard.library import NotThere, decode
from cluster.dashboard.numbers import number
from cluster.dashboard.pages import Context, store_tile, tile, total
from cluster.dashboard.populations import Branch, Population
from cluster.dashboard.runs import Run, Sheet

TABS = (
    ("", "Lineage"),
    ("samples/", "Samples"),
    ("drift/", "Hyper-parameters"),
    ("audit/", "Fitness audit"),
    ("events/", "Events"),
)
#: What the stitched curve of a path can show.
CURVES = ("sample/pixel_frechet", "policy/score", "policy/entropy", "env_steps_per_s")
EVENTS_ON_A_PAGE = 200
#: Comparisons that the sample wall shows at most, evenly chosen, the newest always.
WALL_COLUMNS = 12


def frame(population: Population, tab: str, title: str) -> Context:
    """What all pages of a population share."""
    return {
        "title": f"{title} of {decode(population.entry.key)}",
        "population": population,
        "name": decode(population.entry.key),
        "base": f"populations/{population.entry.key}/",
        "tabs": TABS,
        "tab": tab,
        "health": health(population),
        "colours": colours(population),
    }


def colours(population: Population) -> dict[int, int]:
    """The colour of each founder."""
    return {number: row % COLOURS for row, number in enumerate(population.founders)}


def health(population: Population) -> list[Context]:
    """The strip at the top: sums and extremes over members."""
    runs = list(population.members.values())
    live = [run for run in runs if run.state in ("training", "waiting")]
    actors = sum(run.latest.get("runners/wanted") or run.setting("system", "actors") or 0 for run in live or runs)
    healthy = total_of(live or runs, "runners/healthy")
    restarted = total_of(runs, "runners/restarts", "redis/restarts")
    lags = [run.latest["lag/max"] for run in live or runs if isinstance(run.latest.get("lag/max"), int | float)]
    means = [run.latest["lag/mean"] for run in live or runs if isinstance(run.latest.get("lag/mean"), int | float)]
    fills = [
        run.latest["replay/fill"] for run in live or runs if isinstance(run.latest.get("replay/fill"), int | float)
    ]
    saved = [checkpoint.created for run in runs for checkpoint in run.checkpoints()[-1:]]
    rates = [run.history.recent_mean("env_steps_per_s") or 0.0 for run in live or runs]
    best = population.best_branch
    tiles = [
        tile("Members", len(population.numbers), f"{len(live)} training"),
        tile("Actors alive", healthy, f"of {actors}", bad=bool(live) and healthy != actors),
        tile("Restarts", restarted, f"actors, Redis; {population.restarts} members"),
        tile("Steps/s", sum(rates) if rates else None, "all members"),
        tile("Lag", sum(means) / len(means) if means else None, f"max {max(lags):g}" if lags else ""),
        tile("Replay fill", min(fills, default=None), "least of all", kind="percent", bad=bool(live) and 0 in fills),
        store_tile([run.latest for run in runs]),
        tile("Last checkpoint", max(saved, default=None), "", kind="ago"),
        tile("Best fitness", best.score if best else None, f"member {best.member}" if best else ""),
    ]
    return [each for each in tiles if each]


def total_of(runs: list[Run], *names: str) -> Any:
    """The sum of metrics over runs; None where no run has one."""
    values = [value for run in runs if (value := total(run.latest, *names)) is not None]
    return sum(values) if values else None


def lineage_page(population: Population) -> Context:
    """Lanes, members, and the data of stitched curves."""
    best = population.best_branch
    members = []
    ranks = {row.get("branch"): place + 1 for place, row in enumerate(population.standings)}
    for member in population.numbers:
        run, branch = population.members.get(member), population.current(member)
        members.append(
            {"number": member, "run": run, "branch": branch, "rank": ranks.get(branch.number) if branch else None}
        )
    return frame(population, "", "Lineage") | {
        "lanes": draw(population),
        "members": members,
        "value_names": value_names(population),
        "best": best.number if best else None,
        "data": lineage_data(population) | {"best": best.number if best else None},
    }


def value_names(population: Population) -> list[str]:
    """The evolved hyper-parameters."""
    return sorted({name for branch in population.branches.values() for name in branch.values})


def lineage_data(population: Population) -> Context:
    """Branches and members' series, from which a page stitches the curve of any path."""
    series = {}
    for member, run in population.members.items():
        curves = buckets(run.history, [*CURVES, "population/branch"], 200)
        looks = [row for row in run.history.pictures() if row.get("env_steps") is not None]
        series[member] = {
            "steps": curves["x"]["steps"],
            "branch": curves["series"].get("population/branch", {}).get("mean", []),
            "curves": {name: curves["series"][name]["mean"] for name in CURVES if name in curves["series"]},
            "looks": {
                "steps": [row["env_steps"] for row in looks],
                "branch": [row.get("population/branch") for row in looks],
                "y": [row["sample/pixel_frechet"] for row in looks],
            },
        }
    comparisons: dict[int, Context] = {}
    for event in population.comparisons.values():
        for row in event.get("standings") or []:
            if row.get("score") is not None and "branch" in row:
                points = comparisons.setdefault(row["branch"], {"steps": [], "y": []})
                points["steps"].append(row.get("env_steps"))
                points["y"].append(row["score"])
    return {
        "branches": {branch.number: branch_data(population, branch) for branch in population.branches.values()},
        "series": series,
        "fitness": comparisons,
        "fitness_name": next((event.get("fitness") for event in population.comparisons.values()), "fitness"),
    }


def branch_data(population: Population, branch: Branch) -> Context:
    """A branch for the page's scripts."""
    return {
        "member": branch.member,
        "parent": branch.parent,
        "start": branch.start,
        "end": branch.end,
        "useful": branch.useful,
        "values": branch.values,
        "operations": branch.operations,
        "colour": colours_of(population, branch),
        "current": branch.current,
        "score": branch.score,
    }


def colours_of(population: Population, branch: Branch) -> int:
    """The colour of a branch: its founder's place."""
    return population.founders.index(branch.founder) % COLOURS


def samples_page(population: Population) -> Context:
    """The sample wall: each member at each comparison, all from the same noise."""
    numbers = sorted(population.comparisons)
    if len(numbers) > WALL_COLUMNS:
        step = (len(numbers) - 1) / (WALL_COLUMNS - 1)
        numbers = [numbers[round(step * place)] for place in range(WALL_COLUMNS)]
    columns = [{"number": each, "steps": population.comparisons[each].get("env_steps")} for each in numbers]
    sheets = {member: {sheet.path.name: sheet for sheet in run.sheets()} for member, run in population.members.items()}
    fallback = not columns
    rows = []
    for member in population.numbers:
        cells = []
        for comparison in numbers:
            standings = population.comparisons[comparison].get("standings") or []
            standing: Context = next((row for row in standings if row.get("member") == member), {})
            name = str(standing.get("sample") or "").rsplit("/", 1)[-1]
            cells.append(wall_cell(population, sheets.get(member, {}).get(name), standing))
        if fallback:
            newest = list(sheets.get(member, {}).values())[-WALL_COLUMNS:]
            cells = [wall_cell(population, sheet, {"branch": sheet.branch}) for sheet in newest]
        rows.append({"member": member, "run": population.members.get(member), "cells": cells})
    return frame(population, "samples/", "Samples") | {"columns": columns, "rows": rows, "fallback": fallback}


def wall_cell(population: Population, sheet: Sheet | None, standing: Context) -> Context:
    """One picture of the wall; its sheet is None where it is missing."""
    branch = population.branches.get(standing.get("branch", -1))
    return {
        "sheet": sheet,
        "score": standing.get("score"),
        "branch": branch,
        "colour": colours_of(population, branch) if branch else None,
    }


def drift_page(population: Population) -> Context:
    """How the evolved values move, one chart each, by founding ancestor."""
    charts = []
    for name in value_names(population):
        lines: dict[tuple[int, bool], Context] = {}
        for branch in population.branches.values():
            if name not in branch.values:
                continue
            live = branch.useful > branch.start
            line = lines.setdefault(
                (branch.founder, live),
                {
                    "x": [],
                    "y": [],
                    "text": [],
                    "live": live,
                    "founder": branch.founder,
                    "colour": colours_of(population, branch),
                },
            )
            text = f"member {branch.member}, branch {branch.number}"
            parent = population.branches[branch.parent] if branch.parent is not None else branch
            before = parent.values.get(name, branch.values[name])
            line["x"] += [branch.start, branch.start, max(branch.end, branch.start), None]
            line["y"] += [before, branch.values[name], branch.values[name], None]
            line["text"] += [text, text, text, ""]
        charts.append({"name": name, "title": name.replace("_", " ").capitalize(), "lines": list(lines.values())})
    final = [
        {"member": member, "branch": current, "colour": colours_of(population, current)}
        for member in population.numbers
        if (current := population.current(member))
    ]
    return frame(population, "drift/", "Hyper-parameters") | {
        "data": {"drift": charts},
        "charts": charts,
        "final": final,
        "value_names": value_names(population),
    }


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
    """Rows of the matrix; ``tint`` in [-1, 1] says where a score lies between the ends of its column."""
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
    """A critic: its member, its score of real images, and the member whose paintings it likes best."""
    scores = [row[column] for row in matrix["scores"]]
    known = [score for score in scores if score is not None]
    real = matrix.get("real") or []
    return {
        "member": matrix["members"][column],
        "real": real[column] if column < len(real) else None,
        "favourite": matrix["members"][scores.index(max(known))] if known else None,
    }


def events_page(population: Population, number: int) -> Context:
    """Events, the newest first, page ``number`` from 1.

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
    """What happened, in a few words."""
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
