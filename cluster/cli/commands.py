"""What the subcommands of ``impasto`` do, once their arguments are read."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cluster.errors import UserError
from cluster.latent.settings import LatentSettings
from cluster.painter.settings import PainterSettings
from cluster.runs.folder import RunFolder, RunFolderError, is_population
from cluster.runs.location import RunPlace
from cluster.runs.settings import RunSettings
from cluster.runs.stored import last_checkpoint, open_to_read, read_settings, read_settings_as
from cluster.training import launch
from cluster.training.launch import place_of_new, start

if TYPE_CHECKING:
    from cluster.latent.settings import LatentSettings
    from cluster.training.trainer import RunTrainer


def train(settings: PainterSettings, run: str, address: str = "") -> int:
    """Train a painter in folder ``run`` (a new one under ``runs/`` if empty). Returns the exit status."""
    return launch.train(settings, run, address)


def train_latent(settings: LatentSettings, run: str, address: str = "", warm_start: str = "") -> int:
    """Train in the latent world, from the start or from another run's end. Returns the exit status."""
    from cluster.latent.parts_cache import parts_of_run
    from cluster.latent.trainer import LatentTrainer

    place = place_of_new(run, "latent")
    if not warm_start:
        return start(LatentTrainer(settings), place, address)
    other = open_to_read(warm_start)
    theirs = read_settings_as(LatentSettings, other, "warm start").world.action_range
    if theirs != settings.world.action_range:
        raise UserError(f"warm start: the other run's actions mean something else; give --action-range {theirs:g}")
    parts, checkpoint = parts_of_run(other.path), last_checkpoint(other)
    origin = str(other.path.resolve())
    return start(LatentTrainer(settings, parts=parts, warm_start=checkpoint, warm_from=origin), place, address)


def resume(run: str, address: str = "", **changes: Any) -> int:
    """Go on with a run or a population from its last intact checkpoints, with some settings changed (``steps``)."""
    place = RunPlace.find(run)
    place.fetch()
    if is_population(place.path):
        from cluster.population.commands import resume as resume_population

        return resume_population(str(place.path), address, **changes)
    return launch.resume(place, address, changes, scheduled)


def scheduled(folder: RunFolder, settings: RunSettings, restarts: int) -> RunTrainer | None:
    """The trainer of a run that `impasto retrace` began; None where it is another."""
    from cluster.population.schedule import ScheduledTrainer, read_plan

    try:
        plan = read_plan(folder.path)
    except RunFolderError as error:
        raise UserError(str(error)) from error
    if plan is None or not isinstance(settings, PainterSettings):
        return None
    return ScheduledTrainer(settings, plan, restarts=restarts)


def sample(run: str, out: str, count: int, seed: int, best: bool = False) -> int:
    """Paint with the newest checkpoint, or the best: a contact sheet, an animated painting, and the actions."""
    from cluster.painter.sampler import Sampler

    folder = open_to_read(run)
    checkpoint = last_checkpoint(folder, best=best)
    assert checkpoint is not None
    target = Path(out) if out else folder.samples / f"seed-{seed}"
    sampler = Sampler(read_settings_as(PainterSettings, folder, "sample"), seed=seed)
    sampler.load(checkpoint.tensors["policy"], checkpoint.tensors["discriminator"])
    paintings = sampler.paint(count, judged=count)
    sheet = sampler.write(paintings, target, "sheet", count)
    if not sampler.records:  # else they are in sheet.npz, with their scores
        np.savez_compressed(target / "actions.npz", actions=paintings.actions, noise=paintings.noise)
    sampler.close()
    actions = target / ("sheet.npz" if sampler.records else "actions.npz")
    print(f"{sheet}\n{target / 'painting.gif'}\n{actions}")
    return 0


def evaluate(run: str, as_json: bool, count: int, data_dir: str, *, best: bool = False, baselines: bool = False) -> int:
    """Measure what a run has learned: paintings, scenes, or translations. ``count`` 0 is the number to publish."""
    folder = open_to_read(run)
    checkpoint = last_checkpoint(folder, best=best)
    assert checkpoint is not None
    settings = read_settings(folder)
    if baselines and isinstance(settings, PainterSettings):
        raise UserError(f"--baselines: only runs in the latent world have them, {folder.path} is a {settings.kind}'s")
    table: Callable[[dict[str, Any]], str]
    if not isinstance(settings, PainterSettings):
        from cluster.latent.evaluate import evaluate_latent, latent_table

        result = evaluate_latent(
            folder,
            read_settings_as(LatentSettings, folder, "evaluate"),
            checkpoint,
            count,
            data_dir,
            baselines=baselines,
        )
        table = latent_table
    elif settings.system.data == "scenes":
        from cluster.painter import evaluate_scenes as scene_runs

        result, table = scene_runs.evaluate(folder, settings, checkpoint, count or 1000), scene_runs.table
    else:
        from cluster.painter import evaluate as evaluate_run

        if settings.system.data == "mnist":
            result = evaluate_run.evaluate_run(folder, settings, checkpoint, count or 2000, data_dir)
            table = evaluate_run.table
        else:
            result = evaluate_run.evaluate_unjudged(folder, settings, checkpoint, count or 1000, data_dir)
            table = evaluate_run.unjudged_table
    print(json.dumps(result) if as_json else table(result))
    return 0


def translate(images: Sequence[str], run: str, task: str, out: str, best: bool = False) -> int:
    """Translate image files; exit status 1 where some could not be read."""
    from cluster.latent import evaluate as latent_commands

    folder = open_to_read(run)
    settings = read_settings_as(LatentSettings, folder, "translate")
    checkpoint = last_checkpoint(folder, best=best)
    assert checkpoint is not None
    done = latent_commands.translate(folder, settings, checkpoint, images, task, out)
    for each in done:
        if each.problem:
            print(f"impasto: {each.problem}", file=sys.stderr)
        else:
            print(each.output)
    return 1 if any(each.problem for each in done) else 0
