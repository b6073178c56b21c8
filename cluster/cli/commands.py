"""What the subcommands of ``impasto`` do, once their arguments are read."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cluster.errors import UserError
from cluster.painter.settings import RunSettings, SettingsParts
from cluster.runs.checkpoints import Checkpoint
from cluster.runs.folder import RunFolder, RunFolderError, is_population
from cluster.runs.kinds import trainer_class
from cluster.runs.location import RunPlace, outside
from cluster.runs.redaction import HIDDEN, without_password
from cluster.runs.remote import RemoteFolder
from cluster.runs.stored import last_checkpoint, latent_settings, open_to_read, painter_settings, read_settings
from envs.datasets import NAMES as PAINTED
from envs.latent.data import NAMES as TRANSLATED

#: Settings that may be paths.
PATHS = ("data", "data_dir", "brush")
#: Data by kind of run that a folder of the same name in the working directory is not.
DATA_NAMES = {"painter": {*PAINTED, "scenes"}, "latent": {*TRANSLATED}}

if TYPE_CHECKING:
    from cluster.latent.settings import LatentSettings
    from cluster.training.trainer import RunTrainer


def train(settings: RunSettings, run: str, address: str = "") -> int:
    """Train a painter in folder ``run`` (a new one under ``runs/`` if empty). Returns the exit status."""
    name = "images" if "/" in settings.system.data else settings.system.data
    place = place_of_new(run, name)
    return start(trainer_class(settings.kind)(settings), place, address)


def train_latent(settings: LatentSettings, run: str, address: str = "", warm_start: str = "") -> int:
    """Train in the latent world, from the start or from another run's end. Returns the exit status."""
    from cluster.latent.parts_cache import parts_of_run
    from cluster.latent.trainer import LatentTrainer

    place = place_of_new(run, "latent")
    if not warm_start:
        return start(LatentTrainer(settings), place, address)
    other = open_to_read(warm_start)
    theirs = latent_settings(other, "warm start").world.action_range
    if theirs != settings.world.action_range:
        raise UserError(f"warm start: the other run's actions mean something else; give --action-range {theirs:g}")
    parts, checkpoint = parts_of_run(other.path), last_checkpoint(other)
    origin = str(other.path.resolve())
    return start(LatentTrainer(settings, parts=parts, warm_start=checkpoint, warm_from=origin), place, address)


def place_of_new(run: str, name: str) -> RunPlace:
    """Where a new run goes: ``run``, or a new folder under ``runs/``, called after ``name``, if empty.

    Raises:
        UserError: another run is there. Asked before anything is trained.
    """
    place = RunPlace.find(run or f"{name}-{time.strftime('%Y%m%d-%H%M%S')}", new=not run)
    check_free(place, run)
    return place


def check_free(place: RunPlace, name: str) -> None:
    """Refuse a place that is taken.

    Raises:
        UserError: a run is there already.
    """
    remote = place.remote is not None and place.remote.read("config.json") is not None
    if remote or (place.path / "config.json").exists():
        raise UserError(f"{name} holds another run: continue it with `impasto resume {name}` or choose another --run")


def start(
    trainer: RunTrainer,
    place: RunPlace,
    address: str = "",
    prepare: Callable[[RunFolder], None] = lambda folder: None,
) -> int:
    """Start a run of any kind at its place; ``prepare`` may add to its folder first."""
    with create(place.path, trainer.settings) as folder:
        place.mark()
        prepare(folder)
        return go(trainer, folder, None, address, place.remote)


def storable(settings: SettingsParts) -> dict[str, Any]:
    """Settings as ``config.json`` holds them: paths that work from elsewhere, and no password."""
    given = settings.flat()
    changes = {"redis": without_password(given["redis"])}
    for name in PATHS:
        value = given.get(name)
        if value and not (name == "data" and value in DATA_NAMES[settings.kind]) and Path(value).exists():
            changes[name] = str(Path(value).resolve())
    if task := given.get("task"):
        changes["task"] = ",".join(task_from_anywhere(part.strip()) for part in task.split(","))
    return settings.replace(**changes).to_json()


def task_from_anywhere(task: str) -> str:
    """A task of the latent world, ``FILE.py:CLASS`` with the whole path of the file."""
    where, _, name = task.rpartition(":")
    return f"{Path(where).resolve()}:{name}" if where.endswith(".py") else task


def create(path: Path, settings: SettingsParts) -> RunFolder:
    """A new run folder, or one line that says why not."""
    try:
        return RunFolder.create(path, storable(settings))
    except RunFolderError as error:
        raise UserError(str(error)) from error


def resume(run: str, address: str = "", **changes: Any) -> int:
    """Go on with a run or a population from its last intact checkpoints, with some settings changed (``steps``)."""
    place = RunPlace.find(run)
    place.fetch()
    if is_population(place.path):
        from cluster.population.commands import resume as resume_population

        return resume_population(str(place.path), address, **changes)
    try:
        folder = RunFolder.open(place.path)
    except RunFolderError as error:
        raise UserError(str(error)) from error
    with folder:
        settings = read_settings(folder).replace(**changes)
        if HIDDEN in settings.flat()["redis"]:
            raise UserError("resume: this run used a Redis with a password, which is not kept; give --redis its URL")
        folder.write_config(storable(settings))
        checkpoint = last_checkpoint(folder, required=False)
        restarts = 1 + int(checkpoint.documents["counters"]["restarts"]) if checkpoint else 0
        trainer = scheduled(folder, settings, restarts)
        trainer = trainer or trainer_class(settings.kind).of_run(folder, settings, restarts)
        return go(trainer, folder, checkpoint, address, place.remote)


def scheduled(folder: RunFolder, settings: SettingsParts, restarts: int) -> RunTrainer | None:
    """The trainer of a run that `impasto retrace` began; None where it is another."""
    from cluster.population.schedule import ScheduledTrainer, read_plan

    try:
        plan = read_plan(folder.path)
    except RunFolderError as error:
        raise UserError(str(error)) from error
    if plan is None or not isinstance(settings, RunSettings):
        return None
    return ScheduledTrainer(settings, plan, restarts=restarts)


def go(
    trainer: RunTrainer,
    folder: RunFolder,
    checkpoint: Checkpoint | None,
    address: str,
    remote: RemoteFolder | None = None,
) -> int:
    """Train in ``folder`` and say where the pictures are."""
    import ray

    from cluster.training.trainer import standard_error_to, start_ray

    with standard_error_to(folder.path / "ray.log"):
        start_ray(address, cpus=trainer.cpus)
    try:
        with outside(trainer, folder, remote, cluster=bool(address or os.environ.get("RAY_ADDRESS"))):
            outcome = trainer.run(folder, checkpoint)
    finally:
        ray.shutdown()
    print(
        f"{outcome.reason} after {outcome.seconds / 60:.1f} minutes of training, {outcome.updates} updates, "
        f"{outcome.env_steps} steps"
    )
    print(f"pictures: {folder.samples}")
    verb = "resume" if outcome.reason == "interrupted" else "evaluate"
    print(f"next: impasto {verb} {remote.uri if remote and verb == 'resume' else folder.path}")
    return 0


def sample(run: str, out: str, count: int, seed: int, best: bool = False) -> int:
    """Paint with the newest checkpoint, or the best: a contact sheet, an animated painting, and the actions."""
    from cluster.painter.sampler import Sampler

    folder = open_to_read(run)
    checkpoint = last_checkpoint(folder, best=best)
    assert checkpoint is not None
    target = Path(out) if out else folder.samples / f"seed-{seed}"
    sampler = Sampler(painter_settings(folder, "sample"), seed=seed)
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
    if baselines and isinstance(settings, RunSettings):
        raise UserError(f"--baselines: only runs in the latent world have them, {folder.path} is a {settings.kind}'s")
    table: Callable[[dict[str, Any]], str]
    if not isinstance(settings, RunSettings):
        from cluster.latent.evaluate import evaluate_latent, latent_table

        result = evaluate_latent(
            folder, latent_settings(folder, "evaluate"), checkpoint, count, data_dir, baselines=baselines
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
    settings = latent_settings(folder, "translate")
    checkpoint = last_checkpoint(folder, best=best)
    assert checkpoint is not None
    done = latent_commands.translate(folder, settings, checkpoint, images, task, out)
    for each in done:
        if each.problem:
            print(f"impasto: {each.problem}", file=sys.stderr)
        else:
            print(each.output)
    return 1 if any(each.problem for each in done) else 0
