"""Pages of single runs: the context of each template."""

from __future__ import annotations

import contextlib
import dataclasses
import time
from typing import Any

import numpy as np

from cluster.dashboard.pages.charts import chart_data, run_charts
from cluster.dashboard.pages.numbers import MISSING
from cluster.dashboard.pages.pictures import FRAMES_IN_A_ROW, frame_size, load_recording
from cluster.dashboard.pages.sparkline import sparkline
from cluster.dashboard.pages.theatre import acts
from cluster.dashboard.readers.history import X_AXES
from cluster.dashboard.readers.library import NotThere, decode
from cluster.dashboard.readers.paintings import Listed, listed
from cluster.dashboard.readers.runs import Run, Sheet
from cluster.dashboard.readers.site import Site
from cluster.evaluation.contact_sheets import COLUMNS
from cluster.runs import manifests

Context = dict[str, Any]


def runs_page(site: Site) -> Context:
    """The first page: populations, then single runs, those that train first, then the newest."""
    order = {"training": 0, "waiting": 0, "new": 1}
    runs = sorted(site.single_runs(), key=lambda run: (order.get(run.state, 2), -run.written))
    return {
        "title": "Runs",
        "root": site.library.named(site.library.root),
        "unreadable": [site.library.named(folder) for folder in site.library.unreadable],
        "rows": [run_row(run) for run in runs],
        "paintings": painting_rows(site),
        "populations": [
            {
                "population": population,
                "name": decode(population.entry.key),
                "exploits": sum(event.get("event") == "exploit" for event in population.events),
                "best": population.best_branch,
                "written": max((run.written for run in population.members.values()), default=None),
                "rate": sum(
                    run.history.recent_mean("env_steps_per_s") or 0
                    for run in population.members.values()
                    if run.state == "training"
                ),
            }
            for population in site.populations()
        ],
    }


def painting_rows(site: Site) -> list[Listed]:
    """The paintings, newest first."""
    rows = []
    for entry in site.paintings():
        with contextlib.suppress(NotThere):
            rows.append(listed(entry))
    return sorted(rows, key=lambda row: -row.written)


def run_row(run: Run) -> Context:
    """A line of a table of runs."""
    history, sheets = run.history, run.sheets()
    best = run.best_sheet(sheets)
    shown = best or (sheets[-1] if sheets else None)
    return {
        "run": run,
        "name": run.title,
        "best": best,
        "shown": shown,
        "trend": sparkline([row[shown.measure] for row in history.rows_with(shown.measure)]) if shown else "",
        "rate": history.recent_mean("env_steps_per_s"),
        "rates": sparkline(thin(history.column("env_steps_per_s"))),
    }


def thin(values: Any) -> list[float]:
    """Means of 60 equal parts of a column, for a sparkline."""
    values = values[~np.isnan(values)]
    return [float(part.mean()) for part in np.array_split(values, min(60, len(values)))] if len(values) else []


def run_page(run: Run) -> Context:
    """A run: health, curves, samples, checkpoints."""
    sheets, checkpoints = run.sheets(), run.checkpoints()
    return {
        "title": run.title,
        "run": run,
        "name": run.title,
        "health": run_health(run, checkpoints),
        "sheets": sheets,
        "others": run.other_sheets(),
        "best": run.sheet_of(manifests.best_of(checkpoints), sheets),
        "groups": run_charts(run.history),
        "data": chart_data(run.history),
        "checkpoints": checkpoints[::-1],
        "events": [row for row in run.history.notable if "event" in row or row.get("note")][:-51:-1],
        "settings": {
            part: values for part, values in run.config.items() if isinstance(values, dict) and part != "population"
        },
        "x_axes": tuple(X_AXES),
        "name_of": decode,
    }


def run_health(run: Run, checkpoints: list[manifests.Summary]) -> list[Context]:
    """The strip at the top of a run: label, value, kind, remark, and a mark for values to look at twice."""
    latest, history = run.latest, run.history
    actors = latest.get("runners/wanted") or run.setting("system", "actors")
    healthy, lag = latest.get("runners/healthy"), latest.get("lag/max")
    fill, limit = latest.get("replay/fill"), run.setting("system", "max_lag")
    live = run.state in ("training", "waiting")
    lost = sum(latest.get(name) or 0 for name in ("batches/lost", "batches/stale"))
    tiles = [
        tile(
            "Actors alive", healthy, f"of {actors}" if actors else "", bad=live and bool(actors) and healthy != actors
        ),
        tile("Restarts", total(latest, "runners/restarts", "redis/restarts"), "actors and Redis"),
        tile("Steps/s", history.recent_mean("env_steps_per_s"), "mean of the last rows"),
        tile("Lag", latest.get("lag/mean"), f"max {lag:g} of {limit}" if lag is not None and limit else "updates"),
        tile("Replay fill", fill, "", kind="percent", bad=live and fill == 0),
        tile("Batches lost", lost, "lost and stale"),
        store_tile([latest]),
        tile("Last checkpoint", checkpoints[-1].created if checkpoints else None, "", kind="ago"),
    ]
    return [each for each in tiles if each]


def tile(label: str, value: Any, remark: str, *, kind: str = "number", bad: bool = False) -> Context:
    """One figure of a health strip."""
    return {"label": label, "value": value, "remark": remark, "kind": kind, "bad": bad}


def store_tile(rows: list[dict[str, Any]]) -> Context:
    """The tile of Ray's object store, if a driver reports it."""
    shares = [row["object_store/fill"] for row in rows if isinstance(row.get("object_store/fill"), int | float)]
    return tile(
        "Object store", max(shares, default=None), "of this node's", kind="percent", bad=max(shares, default=0) > 0.9
    )


def total(row: dict[str, Any], *names: str) -> Any:
    """The sum of some metrics; None if there is none."""
    values = [row[name] for name in names if isinstance(row.get(name), int | float)]
    return sum(values) if values else None


def sheet_page(run: Run, sheet: Sheet) -> Context:
    """One contact sheet, large; each recorded painting is a link to its theatre."""
    series = run.sheets()
    keys = [each.key for each in series]
    place = keys.index(sheet.key) if sheet.key in keys else None
    cells = []
    if sheet.recorded:
        try:
            recording = load_recording(run, sheet)
        except NotThere:
            recording = None
        if recording is not None:
            count = recording.actions.shape[1]
            rows = -(-count // COLUMNS)
            last = recording.scores[-1]
            cells = [
                {
                    "place": number,
                    "left": 100 * (number % COLUMNS) / COLUMNS,
                    "top": 100 * (number // COLUMNS) / rows,
                    "width": 100 / COLUMNS,
                    "height": 100 / rows,
                    "score": float(last[number]),
                }
                for number in range(count)
            ]
    return {
        "title": f"{sheet.title} of {run.title}",
        "run": run,
        "name": run.title,
        "sheet": sheet,
        "cells": cells,
        "previous": series[place - 1] if place else None,
        "next": series[place + 1] if place is not None and place + 1 < len(series) else None,
    }


def theatre_page(run: Run, sheet: Sheet, place: int) -> Context:
    """The stroke theatre.

    Raises:
        NotThere: there is no such recorded painting.
    """
    recording = load_recording(run, sheet)
    count = recording.actions.shape[1]
    if not 0 <= place < count:
        raise NotThere(f"{sheet.key} {place}")
    assert run.settings is not None
    scores = recording.scores[:, place]
    try:
        rows = acts(run.settings, recording.actions[:, place], scores)
    except (IndexError, ValueError):  # actions of another world
        raise NotThere(f"{sheet.key} {place}") from None
    paint = run.settings.paint
    return {
        "title": f"Painting {place + 1} of {sheet.title}, {run.title}",
        "run": run,
        "name": run.title,
        "sheet": sheet,
        "place": place,
        "count": count,
        "acts": rows,
        "first_score": float(scores[0]),
        "columns": {
            "pressure": paint.pressure_levels > 1,
            "size": len(paint.brush_sizes) > 1,
            "color": paint.color,
            "start": paint.strokes == "free",
        },
        "frame": {"size": frame_size(run), "columns": min(FRAMES_IN_A_ROW, len(rows) + 1), "count": len(rows) + 1},
        "brush": paint.brush
        if "/" in paint.brush and not paint.brush.startswith("/")
        else paint.brush.rsplit("/", 1)[-1],
        "canvas": paint.canvas_size,
        "data": {
            "scores": [round(float(score), 4) for score in scores],
            "acts": [dataclasses.asdict(act) for act in rows],
            "free": paint.strokes == "free",
            "size": frame_size(run),
            "columns": min(FRAMES_IN_A_ROW, len(rows) + 1),
        },
        "now": time.time(),
        "missing": MISSING,
    }
