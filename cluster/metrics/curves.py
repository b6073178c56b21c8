"""Learning curves of several runs on one plot, as in SPIRAL's comparison of rewards."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from io import BytesIO
from pathlib import Path

from matplotlib.figure import Figure

from cluster.metrics.log import read_metrics
from envs.data_files import write_atomically

POINTS = 200


def read_curve(path: Path, metric: str) -> tuple[list[float], list[float]]:
    """Environment steps and a metric over them, averaged to at most 200 points; steps that a restart undid are out."""
    steps: list[float] = []
    values: list[float] = []
    latest = 0.0
    for row in read_metrics(path):
        if row.get("event") == "resume":
            kept = sum(step <= latest for step in steps)
            steps, values = steps[:kept], values[:kept]
            continue
        if isinstance(row.get("env_steps"), int | float):
            latest = row["env_steps"]
        if isinstance(row.get(metric), int | float):
            while steps and steps[-1] > latest:
                del steps[-1], values[-1]
            steps.append(latest)
            values.append(row[metric])
    size = -(-len(steps) // POINTS) if steps else 1
    groups = range(0, len(steps), size)
    return (
        [sum(steps[at : at + size]) / len(steps[at : at + size]) for at in groups],
        [sum(values[at : at + size]) / len(values[at : at + size]) for at in groups],
    )


def plot_curves(
    curves: Mapping[str, tuple[Sequence[float], Sequence[float]]], path: Path, *, title: str, measure: str
) -> Path:
    """Draw named curves over environment steps; the picture is replaced in one step."""
    figure = Figure(figsize=(6.4, 4.0), layout="constrained")
    axes = figure.subplots()
    for name, (steps, values) in curves.items():
        axes.plot(steps, values, label=name)
    axes.set_xlabel("environment steps")
    axes.set_ylabel(measure)
    axes.set_title(title)
    axes.grid(alpha=0.3)
    axes.legend()
    picture = BytesIO()
    figure.savefig(picture, dpi=120)
    write_atomically(path, picture.getvalue())
    return path
