"""What the subcommands of ``impasto`` do, once their arguments are read."""

from __future__ import annotations

import json
import re
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cluster import checkpoints
from cluster.checkpoints import Checkpoint, CheckpointDamaged
from cluster.errors import UserError
from cluster.population.folder import is_population
from cluster.run_folder import RunFolder, RunFolderError
from cluster.settings import RunSettings

#: Stands for a password in ``config.json``.
HIDDEN = "***"

if TYPE_CHECKING:
    from cluster.trainer import Trainer


def train(settings: RunSettings, run: str, address: str = "") -> int:
    """Train from the start in folder ``run`` (a new one under ``runs/`` if empty). Returns the exit status."""
    from cluster.trainer import Trainer

    name = "images" if "/" in settings.system.data else settings.system.data
    path = Path(run or f"runs/{name}-{time.strftime('%Y%m%d-%H%M%S')}")
    trainer = Trainer(settings)
    with create(path, settings) as folder:
        return go(trainer, folder, None, address)


def storable(settings: RunSettings) -> dict[str, Any]:
    """Settings as ``config.json`` holds them: paths that work from elsewhere, and no password."""
    system = settings.system
    changes = {"redis": re.sub(r"(://[^/@]*?:)[^/@]*@", rf"\g<1>{HIDDEN}@", system.redis)}
    for name in ("data", "data_dir"):
        if (value := getattr(system, name)) and Path(value).exists():
            changes[name] = str(Path(value).resolve())
    if Path(settings.paint.brush).is_file():
        changes["brush"] = str(Path(settings.paint.brush).resolve())
    return settings.replace(**changes).to_json()


def create(path: Path, settings: RunSettings) -> RunFolder:
    """A new run folder, or one line that says why not."""
    try:
        return RunFolder.create(path, storable(settings))
    except RunFolderError as error:
        raise UserError(str(error)) from error


def resume(run: str, address: str = "", **changes: Any) -> int:
    """Go on with a run or a population from its last intact checkpoints, with some settings changed (``steps``)."""
    if is_population(run):
        from cluster.population.commands import resume as resume_population

        return resume_population(run, address, **changes)
    try:
        folder = RunFolder.open(run)
    except RunFolderError as error:
        raise UserError(str(error)) from error
    from cluster.population.replay import ScheduledTrainer, read_plan
    from cluster.trainer import Trainer

    with folder:
        settings = read_settings(folder).replace(**changes)
        if HIDDEN in settings.system.redis:
            raise UserError("resume: this run used a Redis with a password, which is not kept; give --redis its URL")
        folder.write_config(storable(settings))
        checkpoint = last_checkpoint(folder, required=False)
        restarts = 1 + int(checkpoint.documents["counters"]["restarts"]) if checkpoint else 0
        if plan := read_plan(run):
            return go(ScheduledTrainer(settings, plan, restarts=restarts), folder, checkpoint, address)
        return go(Trainer(settings, restarts=restarts), folder, checkpoint, address)


def go(trainer: Trainer, folder: RunFolder, checkpoint: Checkpoint | None, address: str) -> int:
    """Train in ``folder`` and say where the pictures are."""
    import ray

    from cluster.trainer import standard_error_to, start_ray

    system = trainer.settings.system
    with standard_error_to(folder.path / "ray.log"):
        start_ray(address, cpus=2 + system.actors + system.policy_learners + system.discriminator_learners)
    try:
        outcome = trainer.run(folder, checkpoint)
    finally:
        ray.shutdown()
    print(
        f"{outcome.reason} after {outcome.seconds / 60:.1f} minutes of training, {outcome.updates} updates, "
        f"{outcome.env_steps} steps"
    )
    print(f"pictures: {folder.samples}")
    verb = "resume" if outcome.reason == "interrupted" else "evaluate"
    print(f"next: impasto {verb} {folder.path}")
    return 0


def read_settings(folder: RunFolder) -> RunSettings:
    """The settings of a run."""
    try:
        return RunSettings.from_json(folder.read_config())
    except (RunFolderError, ValueError, TypeError, AttributeError) as error:
        raise UserError(f"{folder.config}: not the settings of a run: {error}") from error


def last_checkpoint(folder: RunFolder, *, required: bool = True, best: bool = False) -> Checkpoint | None:
    """The newest intact checkpoint, or the best one; damaged ones are named on standard error.

    Raises:
        UserError: there is none, or the best one is damaged.
    """
    if best and (path := checkpoints.best(folder.checkpoints)):
        try:
            return checkpoints.load(path)
        except CheckpointDamaged as error:
            raise UserError(str(error)) from error
    path, damaged = checkpoints.latest_good(folder.checkpoints)
    for message in damaged:
        print(f"warning: damaged checkpoint skipped: {message}", file=sys.stderr)
    if path is None:
        if required or damaged:
            raise UserError(f"{folder.path}: no intact checkpoint")
        return None
    return checkpoints.load(path)


def open_to_read(run: str) -> RunFolder:
    """A run's folder, without its lock: it may be training."""
    try:
        return RunFolder.open(run, write=False)
    except RunFolderError as error:
        raise UserError(str(error)) from error


def sample(run: str, out: str, count: int, seed: int, best: bool = False) -> int:
    """Paint with the newest checkpoint, or the best: a contact sheet, an animated painting, and the actions."""
    from cluster.sampler import Sampler

    folder = open_to_read(run)
    checkpoint = last_checkpoint(folder, best=best)
    assert checkpoint is not None
    target = Path(out) if out else folder.samples / f"seed-{seed}"
    sampler = Sampler(read_settings(folder), seed=seed)
    sampler.load(checkpoint.tensors["policy"])
    paintings = sampler.paint(count)
    sheet = sampler.write(paintings, target, "sheet", count)
    np.savez_compressed(target / "actions.npz", actions=paintings.actions, noise=paintings.noise)
    sampler.close()
    print(f"{sheet}\n{target / 'painting.gif'}\n{target / 'actions.npz'}")
    return 0


def evaluate(run: str, as_json: bool, count: int, data_dir: str, best: bool = False) -> int:
    """Judge a run's paintings; see :mod:`cluster.evaluate_run`."""
    from cluster.evaluate_run import evaluate_run, table

    folder = open_to_read(run)
    checkpoint = last_checkpoint(folder, best=best)
    assert checkpoint is not None
    result = evaluate_run(folder, read_settings(folder), checkpoint, count, data_dir)
    print(json.dumps(result) if as_json else table(result))
    return 0


def bench(names: list[str], options: Any) -> int:
    """Print one JSON line per figure."""
    from cluster import bench as benches

    for figure in benches.run(names, options):
        print(json.dumps(figure), flush=True)
    return 0
