"""The charts of a run's page; the catalogue of metrics gives labels and hints."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from cluster.dashboard.pages.numbers import number
from cluster.dashboard.readers.history import X_AXES, History, buckets, is_measure
from cluster.metrics.catalogue import CATALOGUE


@dataclass(frozen=True)
class Chart:
    """A small chart.

    Attributes:
        title: name of the chart.
        metrics: name of each line's metric.
        kind: `line`, `share` (stacked to one) or `points` (few values, marked).
        logarithmic: of the y axis.
    """

    title: str
    metrics: tuple[str, ...]
    kind: str = "line"
    logarithmic: bool = False


QUALITY = (
    Chart("Pixel Fréchet distance", ("sample/pixel_frechet",), "points", logarithmic=True),
    Chart("Distance to targets", ("sample/l2",), "points"),
    Chart("Held-out score", ("sample/score",), "points"),
    Chart("Accuracy", ("sample/accuracy",), "points"),
    Chart("Discriminator scores", ("discriminator/real", "discriminator/fake", "policy/score")),
    Chart("Spread of the scores", ("policy/score_std",)),
    Chart("Entropy", ("policy/entropy",)),
    Chart("Return", ("policy/return",)),
    Chart("Strokes", ("policy/stroke_starts", "policy/painting_share")),
)
SYSTEM = (
    Chart("Steps per second", ("env_steps_per_s",)),
    Chart(
        "Where time goes",
        ("time/render", "time/inference", "time/transfer", "time/learn", "time/discriminate", "time/wait"),
        "share",
    ),
    Chart("Policy lag", ("lag/mean", "lag/max")),
    Chart("Replay fill", ("replay/fill",)),
    Chart("Batches", ("queue", "in_flight")),
    Chart("Restarts and losses", ("runners/restarts", "redis/restarts", "batches/lost", "batches/stale")),
)
LEARNING = (
    Chart("Loss of the policy", ("policy/policy_loss", "policy/value_loss")),
    Chart("Loss of the discriminator", ("discriminator/loss", "discriminator/gradient_penalty")),
    Chart("Gradient norm", ("policy/gradient_norm",), logarithmic=True),
    Chart("Truncated importance weights", ("policy/truncated_ratios",)),
    Chart("Learning rate", ("policy/learning_rate",), logarithmic=True),
    Chart("Entropy cost", ("policy/entropy_cost",), logarithmic=True),
)
GROUPS = (("Quality", QUALITY), ("System", SYSTEM), ("Learning", LEARNING))
# Axes, and numbers that are shown elsewhere on the page.
ELSEWHERE = {"update", "updates", "time", "env_steps", "elapsed_s", "progress", "sampled_steps", "population/branch"}


@dataclass(frozen=True)
class Group:
    """Charts under one title, those that have numbers.

    Attributes:
        title: name of the group.
        charts: in their order.
        open: shown unless folded; a closed one is folded unless opened.
    """

    title: str
    charts: tuple[Chart, ...]
    open: bool = True


def metrics_of(histories: Sequence[History]) -> set[str]:
    """The names that some of these runs have numbers for."""
    columns = {name for history in histories for name in history.columns}
    return columns | {name for history in histories for row in history.evaluations() for name in row}


def chart_groups(histories: Sequence[History]) -> list[Group]:
    """The groups of charts that some of these runs have numbers for; metrics of no group come last, one chart each."""
    present = metrics_of(histories)
    groups = [
        Group(title, tuple(chart for chart in charts if present.intersection(chart.metrics)))
        for title, charts in GROUPS
    ]
    known = {name for _, charts in GROUPS for chart in charts for name in chart.metrics} | ELSEWHERE
    others = sorted({name for history in histories for name in history.columns} - known)
    groups.append(Group("Everything else", tuple(Chart(name, (name,)) for name in others), open=False))
    return [group for group in groups if group.charts]


def run_charts(history: History) -> list[dict[str, Any]]:
    """The groups of charts of one run, for the template."""
    present = metrics_of([history])
    return [
        {
            "title": group.title,
            "charts": [chart_context(chart, history, present) for chart in group.charts],
            "open": group.open,
        }
        for group in chart_groups([history])
    ]


def chart_context(chart: Chart, history: History, present: set[str]) -> dict[str, Any]:
    """A chart for the template: title, kind, (metric, label) of each line, hint, and the newest value of a single one.

    A chart of several lines says their values in its legend.
    """
    names = [name for name in chart.metrics if name in present]
    metrics = {name: known for name in names if (known := CATALOGUE.get(name))}
    return {
        "title": chart.title,
        "kind": chart.kind,
        "logarithmic": chart.logarithmic,
        "series": [(name, metrics[name].label if name in metrics else name) for name in names],
        "hint": " ".join(metric.caution for metric in metrics.values() if metric.caution).replace("`", ""),
        "now": number(history.latest.get(names[0])) if len(names) == 1 else "",
    }


def chart_data(history: History) -> dict[str, Any]:
    """The data of a run's charts."""
    evaluations = history.evaluations()
    points = {
        axis: [value / (60 if axis == "minutes" else 1) if value is not None else None for value in values]
        for axis, name in X_AXES.items()
        for values in [[row.get(name) for row in evaluations]]
    }
    measures = {name for row in evaluations for name, value in row.items() if is_measure(name, value)}
    resumes = [row for row in history.notable if row.get("event") == "resume"]
    names = [name for name in history.columns if name not in ELSEWHERE]
    return buckets(history, names) | {
        "points": points | {"y": {name: [row.get(name) for row in evaluations] for name in measures}},
        "resumes": [row.get("update") for row in resumes],
    }
