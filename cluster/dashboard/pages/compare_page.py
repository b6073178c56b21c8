"""The page that shows several runs over each other: curves, best checkpoints, the settings that differ."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from cluster.dashboard.pages.charts import Chart, chart_data, chart_groups, metrics_of
from cluster.dashboard.pages.numbers import MISSING
from cluster.dashboard.pages.run_pages import Context
from cluster.dashboard.readers.history import X_AXES
from cluster.dashboard.readers.library import NotThere
from cluster.dashboard.readers.runs import Run
from cluster.dashboard.readers.site import Site
from cluster.metrics.catalogue import CATALOGUE
from cluster.metrics.tracking import flat
from cluster.runs import manifests


def compare_page(site: Site, keys: Sequence[str]) -> Context:
    """Compare the runs of these names, in this order; names that are not there are listed."""
    runs, missing = [], []
    for key in dict.fromkeys(keys):
        try:
            runs.append(site.run(key))
        except NotThere:
            missing.append(key)
    return {
        "title": f"{len(runs)} runs compared",
        "rows": [compared_row(run, place) for place, run in enumerate(runs)],
        "missing_runs": missing,
        "differences": differing_settings([run.config for run in runs]),
        "groups": compared_charts(runs),
        "data": [{"name": run_name(run)} | chart_data(run.history) for run in runs],
        "x_axes": tuple(X_AXES),
    }


def run_name(run: Run) -> str:
    """Name of a run among others; a member's population belongs to it."""
    return f"{run.population.path.name}, {run.title}" if run.population else run.title


def compared_row(run: Run, place: int) -> Context:
    """A line of the table: the run, its place among the colors, its best checkpoint with its sheet."""
    best = manifests.best_of(run.checkpoints())
    return {
        "run": run,
        "name": run_name(run),
        "color": place % 8,
        "best": best,
        "sheet": run.sheet_of(best, run.sheets()),
    }


def differing_settings(configs: Sequence[dict[str, Any]]) -> list[tuple[str, list[str]]]:
    """Settings that are not the same in all of these `config.json`: name, and the value in each, or a dash."""
    every = [
        flat({part: values for part, values in config.items() if isinstance(values, dict) and part != "population"})
        for config in configs
    ]
    found = []
    for name in dict.fromkeys(name for values in every for name in values):
        told = [
            json.dumps(values[name], ensure_ascii=False) if values.get(name) is not None else MISSING
            for values in every
        ]
        if len(set(told)) > 1:
            found.append((name, [text[1:-1] if text.startswith('"') else text for text in told]))
    return found


def compared_charts(runs: Sequence[Run]) -> list[Context]:
    """The groups of charts, each of one metric that some of the runs have; those of no group come last."""
    histories = [run.history for run in runs]
    present = metrics_of(histories)
    return [
        {
            "title": group.title,
            "charts": [each for chart in group.charts for each in metric_charts(chart, present)],
            "open": group.open,
        }
        for group in chart_groups(histories)
    ]


def metric_charts(chart: Chart, present: set[str]) -> list[Context]:
    """A chart for each metric of `chart`: the runs are its lines."""
    kind = "line" if chart.kind == "share" else chart.kind
    labels = {name: known.label if (known := CATALOGUE.get(name)) else name for name in chart.metrics}
    return [
        {
            "title": chart.title if len(chart.metrics) == 1 else f"{chart.title}: {labels[name]}",
            "metric": name,
            "kind": kind,
            "logarithmic": chart.logarithmic,
        }
        for name in chart.metrics
        if name in present
    ]
