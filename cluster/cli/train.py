"""Commands that start a run: train, of a painter or in the latent world."""

from __future__ import annotations

from pathlib import Path

from cluster.cli.arguments.latent import TrainLatent
from cluster.cli.arguments.training import Train
from cluster.errors import UserError
from cluster.latent.parts_cache import parts_of_run
from cluster.latent.settings import LatentSettings
from cluster.latent.trainer import LatentTrainer
from cluster.painter.trainer import PainterTrainer
from cluster.runs.agents import find_agent
from cluster.runs.folder import RunFolder
from cluster.runs.location import RunPlace
from cluster.runs.stored import last_checkpoint
from cluster.runs.stored_settings import open_to_read, read_settings_as
from cluster.training import launch, or_resume
from cluster.training.origin import keep_origin


def train(chosen: Train) -> int:
    """Run `impasto train`."""
    if chosen.or_resume and (place := or_resume.begun(chosen.run)):
        return or_resume.resume_begun(place, chosen.settings, chosen.address)
    if not chosen.warm_start:
        return launch.train(chosen.settings, chosen.run, chosen.address)
    place = launch.place_of_new(chosen.run, Path(chosen.settings.system.data).stem)
    return begin_with(open_to_read(chosen.warm_start), chosen, place)


def begin_with(other: RunFolder, chosen: Train, place: RunPlace) -> int:
    """Train a painter from the best checkpoint of another run."""
    warm_start, name = last_checkpoint(other, best=True), name_of(other, chosen.warm_start)
    assert warm_start is not None
    trainer = PainterTrainer(chosen.settings, warm_start=warm_start, warm_from=name)
    return launch.start(trainer, place, chosen.address, lambda folder: keep_origin(folder, name, warm_start.update))


def name_of(other: RunFolder, given: str) -> str:
    """Return the name by which another run is found from anywhere: an agent's, or its whole path."""
    return given if find_agent(given) else str(other.path.resolve())


def train_latent(chosen: TrainLatent) -> int:
    """Run `impasto train latent`, from the start or from another run's end."""
    settings = chosen.settings
    if chosen.or_resume and (begun := or_resume.begun(chosen.run)):
        return or_resume.resume_begun(begun, settings, chosen.address)
    place = launch.place_of_new(chosen.run, "latent")
    if not chosen.warm_start:
        return launch.start(LatentTrainer(settings), place, chosen.address)
    other = open_to_read(chosen.warm_start)
    theirs = read_settings_as(LatentSettings, other, "warm start").world.action_range
    if theirs != settings.world.action_range:
        raise UserError(f"warm start: the other run's actions mean something else; give --action-range {theirs:g}")
    warm_start, name = last_checkpoint(other), str(other.path.resolve())
    assert warm_start is not None
    trainer = LatentTrainer(settings, parts=parts_of_run(other.path), warm_start=warm_start)
    return launch.start(trainer, place, chosen.address, lambda folder: keep_origin(folder, name, warm_start.update))
