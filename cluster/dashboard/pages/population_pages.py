"""Pages of a population: the context of each template."""

from __future__ import annotations

from cluster.dashboard.pages.lanes import COLORS, draw
from cluster.dashboard.pages.population_frame import frame
from cluster.dashboard.pages.run_pages import Context
from cluster.dashboard.readers.history import buckets
from cluster.dashboard.readers.populations import Population
from cluster.dashboard.readers.runs import Sheet
from cluster.population.lineage.ancestry import Branch

# What the stitched curve of a path can show.
CURVES = ("sample/pixel_frechet", "policy/score", "policy/entropy", "env_steps_per_s")
# Comparisons that the sample wall shows at most, evenly chosen, the newest always.
WALL_COLUMNS = 12


def lineage_page(population: Population) -> Context:
    """Lanes, members, and the data of stitched curves."""
    best = population.best_branch
    members = []
    ranks = {row.get("branch"): place + 1 for place, row in enumerate(population.standings)}
    for member in population.numbers:
        run, branch = population.members.get(member), population.current.get(member)
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
        evaluations = [row for row in run.history.rows_with("sample/pixel_frechet") if row.get("env_steps") is not None]
        series[member] = {
            "steps": curves["x"]["steps"],
            "branch": curves["series"].get("population/branch", {}).get("mean", []),
            "curves": {name: curves["series"][name]["mean"] for name in CURVES if name in curves["series"]},
            "evaluations": {
                "steps": [row["env_steps"] for row in evaluations],
                "branch": [row.get("population/branch") for row in evaluations],
                "y": [row["sample/pixel_frechet"] for row in evaluations],
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
        "useful": population.useful.get(branch.number, -1),
        "values": branch.values,
        "operations": branch.operations,
        "color": colors_of(population, branch),
        "current": population.current[branch.member] is branch,
        "score": branch.score,
    }


def colors_of(population: Population, branch: Branch) -> int:
    """The color of a branch: its founder's place."""
    return population.founders.index(branch.founder) % COLORS


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
    """One picture of the wall; its sheet is None if it is missing."""
    branch = population.branches.get(standing.get("branch", -1))
    return {
        "sheet": sheet,
        "score": standing.get("score"),
        "branch": branch,
        "color": colors_of(population, branch) if branch else None,
    }


def drift_page(population: Population) -> Context:
    """The evolved values over time, one chart each, by founding ancestor."""
    charts = []
    for name in value_names(population):
        lines: dict[tuple[int, bool], Context] = {}
        for branch in population.branches.values():
            if name not in branch.values:
                continue
            live = population.lives_on(branch)
            line = lines.setdefault(
                (branch.founder, live),
                {
                    "x": [],
                    "y": [],
                    "text": [],
                    "live": live,
                    "founder": branch.founder,
                    "color": colors_of(population, branch),
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
        {"member": member, "branch": current, "color": colors_of(population, current)}
        for member in population.numbers
        if (current := population.current.get(member))
    ]
    return frame(population, "drift/", "Hyper-parameters") | {
        "data": {"drift": charts},
        "charts": charts,
        "final": final,
        "value_names": value_names(population),
    }
