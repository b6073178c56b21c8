"""Commands around the papers' experiments: search, reproduce, mcmc."""

from __future__ import annotations

import json
from pathlib import Path

from cluster.cli.arguments.runs import Search
from cluster.cli.arguments.training import Mcmc, Reproduce
from cluster.cli.stored import stored
from cluster.errors import UserError
from cluster.painter import evaluate_scenes
from cluster.painter import search as searching
from cluster.painter.reproduce import Reproduction
from cluster.painter.reproduce_tables import table_rows
from cluster.painter.settings import PainterSettings
from cluster.runs.location import RunPlace
from cluster.runs.stored_settings import read_settings_as
from cluster.runs.uri import is_uri


def search(chosen: Search) -> int:
    """Run `impasto search`."""
    folder, checkpoint = stored(chosen.run, chosen.best)
    settings = read_settings_as(PainterSettings, folder, "search")
    if chosen.data_dir:
        settings = settings.replace(data_dir=chosen.data_dir)
    result = searching.search_run(
        folder,
        settings,
        checkpoint,
        widths=chosen.widths,
        count=chosen.count,
        seed=chosen.seed,
        methods=chosen.chosen_methods,
    )
    print(json.dumps(result) if chosen.json else searching.table(result))
    return 0


def reproduce(chosen: Reproduce) -> int:
    """Run `impasto reproduce`; exit status 1 if a row did not get there."""
    if "minutes" in chosen.changes:
        raise UserError("reproduce: --minutes: each row trains as long as the others; give --minutes-per-row")
    rows = table_rows(chosen.table)
    only = chosen.rows.split(",") if chosen.rows else []
    names = [row.name for row in rows]
    for name in only:
        if name not in names:
            raise UserError(f"--rows: {chosen.table} has no row {name!r}; valid are {', '.join(names)}")
    for option, given in (("--out", chosen.out), ("--runs", chosen.runs)):
        if is_uri(given):
            raise UserError(f"{option}: expected a folder of this machine, got {given}")
    table = Reproduction(
        chosen.table,
        rows,
        only=only,
        preset=chosen.preset,
        minutes=chosen.minutes_per_row,
        out=RunPlace.find(chosen.out).path,
        runs=RunPlace.find(chosen.runs).path,
        changes=dict(chosen.changes),
        address=chosen.address,
    )
    complete = table.run()
    print(f"table: {table.out / chosen.table}.md")
    return 0 if complete else 1


def mcmc(chosen: Mcmc) -> int:
    """Run `impasto mcmc`."""
    result = evaluate_scenes.run_metropolis(
        Path(chosen.out),
        count=chosen.count,
        evaluations=list(chosen.looks),
        variance=chosen.variance,
        seed=chosen.seed,
    )
    print(json.dumps(result) if chosen.json else evaluate_scenes.table(result))
    return 0
