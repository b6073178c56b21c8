"""Commands around the papers' experiments: search, reproduce."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import tyro

from cluster.cli.parse import parse
from cluster.errors import UserError
from cluster.painter.reproduce_tables import table_rows
from cluster.painter.settings import PresetName
from cluster.runs.location import RunPlace
from cluster.runs.remote import is_uri
from cluster.runs.stored import last_checkpoint, open_to_read, painter_settings


@dataclass(frozen=True)
class SearchArguments:
    """Paint with a run's newest checkpoint, trying K paintings (or strokes) for each one kept.

    Attributes:
        run: folder of the run.
        k: values of K, with commas between them; 1 is the policy itself.
        count: pictures for each value.
        seed: of noise, action sampling and targets.
        json: print JSON instead of a table.
        data_dir: folder with data sets that are there already.
        best: take the checkpoint of best quality instead of the newest.
    """

    run: Annotated[str, tyro.conf.Positional]
    k: str = "1,4,16"
    count: int = 64
    seed: int = 0
    json: bool = False
    data_dir: str = ""
    best: bool = False


def search(arguments: Sequence[str]) -> int:
    """``impasto search``."""
    chosen = parse(SearchArguments, arguments, "search")
    try:
        widths = tuple(int(part) for part in chosen.k.split(","))
    except ValueError:
        raise UserError(f"--k: expected numbers with commas between them, such as 1,4,16, got {chosen.k!r}") from None
    for k in widths:
        if k != 1 and (k < 2 or k % 2):
            raise UserError(f"--k: expected 1 or even numbers (the beam goes on two ways from each canvas), got {k}")
    if chosen.count < 1:
        raise UserError(f"--count: expected at least 1, got {chosen.count}")
    from cluster.painter.search import search_run, table

    folder = open_to_read(chosen.run)
    checkpoint = last_checkpoint(folder, best=chosen.best)
    assert checkpoint is not None
    settings = painter_settings(folder, "search")
    if chosen.data_dir:
        settings = settings.replace(data_dir=chosen.data_dir)
    result = search_run(folder, settings, checkpoint, widths=widths, count=chosen.count, seed=chosen.seed)
    print(json.dumps(result) if chosen.json else table(result))
    return 0


@dataclass(frozen=True)
class ReproduceArguments:
    """Train the rows of a table (mnist, omniglot, celeba, scenes, long, all) within a budget, measure and write them.

    Run it again to go on where it stopped, or with more minutes to go further.

    Attributes:
        table: which table.
        minutes_per_row: training time of each row.
        rows: names of the rows to run, with commas between them; all if not given.
        preset: ``laptop`` or ``paper``.
        out: folder for the table (JSON, Markdown) and its pictures.
        runs: folder for the runs.
        data_dir: folder with data sets that are there already.
        seed: of all rows.
        address: Ray cluster to join.
    """

    table: Annotated[str, tyro.conf.Positional]
    minutes_per_row: float = 15.0
    rows: str = ""
    preset: PresetName = "laptop"
    out: str = "results"
    runs: str = "runs/reproduce"
    data_dir: str = ""
    seed: int = 0
    address: str = ""


def reproduce(arguments: Sequence[str]) -> int:
    """``impasto reproduce``."""
    chosen = parse(ReproduceArguments, arguments, "reproduce")
    rows = table_rows(chosen.table)
    only = chosen.rows.split(",") if chosen.rows else []
    names = [row.name for row in rows]
    for name in only:
        if name not in names:
            raise UserError(f"--rows: {chosen.table} has no row {name!r}; valid are {', '.join(names)}")
    if not chosen.minutes_per_row > 0:
        raise UserError(f"--minutes-per-row: expected more than 0, got {chosen.minutes_per_row:g}")
    for option, given in (("--out", chosen.out), ("--runs", chosen.runs)):
        if is_uri(given):
            raise UserError(f"{option}: expected a folder of this machine, got {given}")
    from cluster.painter.reproduce import Reproduction

    table = Reproduction(
        chosen.table,
        rows,
        only=only,
        preset=chosen.preset,
        minutes=chosen.minutes_per_row,
        out=RunPlace.find(chosen.out).path,
        runs=RunPlace.find(chosen.runs).path,
        data_dir=chosen.data_dir,
        seed=chosen.seed,
        address=chosen.address,
    )
    complete = table.run()
    print(f"table: {table.out / chosen.table}.md")
    return 0 if complete else 1
