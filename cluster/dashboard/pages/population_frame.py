"""The frame of all pages of a population: tabs, health, colors."""

from __future__ import annotations

from typing import Any

from cluster.dashboard.pages.lanes import COLORS
from cluster.dashboard.pages.run_pages import Context, store_tile, tile, total
from cluster.dashboard.readers.library import decode
from cluster.dashboard.readers.populations import Population
from cluster.dashboard.readers.runs import Run

TABS = (
    ("", "Lineage"),
    ("samples/", "Samples"),
    ("drift/", "Hyper-parameters"),
    ("audit/", "Fitness audit"),
    ("events/", "Events"),
)


def frame(population: Population, tab: str, title: str) -> Context:
    """Context of the frame around a page of a population."""
    return {
        "title": f"{title} of {decode(population.entry.key)}",
        "population": population,
        "name": decode(population.entry.key),
        "base": f"populations/{population.entry.key}/",
        "tabs": TABS,
        "tab": tab,
        "health": health(population),
        "colors": colors(population),
    }


def colors(population: Population) -> dict[int, int]:
    """The color of each founder."""
    return {number: row % COLORS for row, number in enumerate(population.founders)}


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
        tile("Restarts", restarted, f"actors, Redis; {population.lineage.restarts} members"),
        tile("Steps/s", sum(rates) if rates else None, "all members"),
        tile("Lag", sum(means) / len(means) if means else None, f"max {max(lags):g}" if lags else ""),
        tile("Replay fill", min(fills, default=None), "least of all", kind="percent", bad=bool(live) and 0 in fills),
        store_tile([run.latest for run in runs]),
        tile("Last checkpoint", max(saved, default=None), "", kind="ago"),
        tile("Best fitness", best.score if best else None, f"member {best.member}" if best else ""),
    ]
    return [each for each in tiles if each]


def total_of(runs: list[Run], *names: str) -> Any:
    """The sum of metrics over runs; None if no run has one."""
    values = [value for run in runs if (value := total(run.latest, *names)) is not None]
    return sum(values) if values else None
