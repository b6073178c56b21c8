"""Commands on what is trained: resume, sample, evaluate, translate."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

from cluster.cli.arguments.runs import Evaluate, Resume, Sample, Translate
from cluster.errors import UserError
from cluster.latent.evaluate import evaluate_latent, latent_table
from cluster.latent.evaluate import translate as translate_files
from cluster.latent.settings import LatentSettings
from cluster.painter import evaluate as paintings
from cluster.painter import evaluate_scenes as scenes
from cluster.painter import evaluate_search as searched
from cluster.painter.sampler import Sampler
from cluster.painter.settings import PainterSettings
from cluster.painter.stored import require_networks
from cluster.population.launch import resume as resume_population
from cluster.population.schedule import ScheduledTrainer, read_plan
from cluster.runs.checkpoints import Checkpoint
from cluster.runs.folder import RunFolder, RunFolderError, is_population
from cluster.runs.location import RunPlace
from cluster.runs.settings import RunSettings
from cluster.runs.stored import last_checkpoint, open_to_read, read_settings, read_settings_as, trust_task
from cluster.training import launch


def resume(chosen: Resume) -> int:
    """Run `impasto resume`, of a run or a whole population."""
    changes = {name: value for name in chosen.changeable if (value := getattr(chosen, name))}
    place = RunPlace.find(chosen.run)
    place.fetch()
    if is_population(place.path):
        return resume_population(str(place.path), chosen.address, **changes)
    if chosen.trust_task:
        trust_task(open_to_read(str(place.path)))
    return launch.resume(place, chosen.address, changes, scheduled_trainer)


def scheduled_trainer(folder: RunFolder, settings: RunSettings, restarts: int) -> ScheduledTrainer | None:
    """Return the trainer of a run that `impasto retrace` began; None of others."""
    try:
        plan = read_plan(folder.path)
    except RunFolderError as error:
        raise UserError(str(error)) from error
    if plan is None or not isinstance(settings, PainterSettings):
        return None
    return ScheduledTrainer(settings, plan, restarts=restarts)


def sample(chosen: Sample) -> int:
    """Run `impasto sample`: write a contact sheet, an animated painting, and the actions."""
    folder, checkpoint = stored(chosen.run, chosen.best)
    out = Path(chosen.out) if chosen.out else folder.picture_folder() / f"seed-{chosen.seed}"
    settings = read_settings_as(PainterSettings, folder, "sample")
    require_networks(settings, checkpoint)
    sampler = Sampler(settings, seed=chosen.seed)
    sampler.load(checkpoint.tensors["policy"], checkpoint.tensors.get("discriminator"))
    made = sampler.paint(chosen.count, scored=chosen.count if "discriminator" in checkpoint.tensors else 0)
    sheet = sampler.write(made, out, "sheet", chosen.count)
    actions = out / "sheet.npz"  # actions and scores, where the sampler records them
    if made.scores is None:
        actions = out / "actions.npz"
        np.savez_compressed(actions, actions=made.actions, noise=made.noise)
    sampler.close()
    print(f"{sheet}\n{out / 'painting.gif'}\n{actions}")
    return 0


def evaluate(chosen: Evaluate) -> int:
    """Run `impasto evaluate`, of paintings, scenes or translations."""
    folder, checkpoint = stored(chosen.run, chosen.best)
    if chosen.trust_task:
        trust_task(folder)
    settings = read_settings(folder)
    if chosen.data_dir:
        settings = settings.replace(data_dir=chosen.data_dir)
    table: Any = latent_table
    if isinstance(settings, LatentSettings):
        if chosen.data:
            raise UserError(f"--data: {folder.path} is a run in the latent world, which has parts of its data")
        result = evaluate_latent(
            folder, settings, checkpoint, chosen.count, chosen.data_dir, baselines=chosen.baselines
        )
    else:
        assert isinstance(settings, PainterSettings)
        require_networks(settings, checkpoint)
        if chosen.baselines:
            raise UserError(f"--baselines: only runs in the latent world have them, {folder.path} is a painter's")
        if chosen.data and "scenes" in (chosen.data, settings.system.data):
            raise UserError(f"--data: a run on {settings.system.data} can not be measured on {chosen.data}")
        if settings.search.candidates:
            result = searched.evaluate(
                folder, settings, checkpoint, count=chosen.count, data=chosen.data, widths=chosen.widths
            )
            print(json.dumps(result) if chosen.json else searched.table(result))
            return 0
        if chosen.data:
            settings = settings.replace(data=chosen.data)
        if settings.system.data == "scenes":
            result, table = scenes.evaluate(folder, settings, checkpoint, chosen.count or 1000), scenes.table
        elif settings.system.data == "mnist":
            result = paintings.evaluate_run(folder, settings, checkpoint, chosen.count or 2000, chosen.data_dir)
            table = paintings.table
        else:
            result = paintings.evaluate_unjudged(folder, settings, checkpoint, chosen.count or 1000, chosen.data_dir)
            table = paintings.unjudged_table
    print(json.dumps(result) if chosen.json else table(result))
    return 0


def translate(chosen: Translate) -> int:
    """Run `impasto translate`; the exit status is 1 if some files could not be read."""
    folder, checkpoint = stored(chosen.run, chosen.best)
    if chosen.trust_task:
        trust_task(folder)
    settings = read_settings_as(LatentSettings, folder, "translate")
    done = translate_files(folder, settings, checkpoint, chosen.images, chosen.task, chosen.out, chosen.fit)
    for each in done:
        if each.changes:
            print(f"{each.path}: {', '.join(each.changes)} (--no-fit takes images as they are)", file=sys.stderr)
        print(f"impasto: {each.problem}" if each.problem else each.output, file=sys.stderr if each.problem else None)
    return 1 if any(each.problem for each in done) else 0


def stored(run: str, best: bool) -> tuple[RunFolder, Checkpoint]:
    """Open a run's folder, which may be training, and load its newest checkpoint, or its best.

    Raises:
        UserError: There is no run or no intact checkpoint.
    """
    folder = open_to_read(run)
    checkpoint = last_checkpoint(folder, best=best)
    assert checkpoint is not None
    return folder, checkpoint
