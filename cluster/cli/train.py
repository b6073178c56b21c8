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
from cluster.runs.stored import last_checkpoint
from cluster.runs.stored_settings import open_to_read, read_settings_as
from cluster.training import launch, or_resume


def train(chosen: Train) -> int:
    """Run `impasto train`."""
    if chosen.or_resume and (place := or_resume.begun(chosen.run)):
        return or_resume.resume_begun(place, chosen.settings, chosen.address)
    if not chosen.warm_start:
        return launch.train(chosen.settings, chosen.run, chosen.address)
    place = launch.place_of_new(chosen.run, Path(chosen.settings.system.data).stem)
    other = open_to_read(chosen.warm_start)
    trainer = PainterTrainer(chosen.settings, warm_start=last_checkpoint(other, best=True), warm_from=chosen.warm_start)
    return launch.start(trainer, place, chosen.address)


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
    trainer = LatentTrainer(
        settings,
        parts=parts_of_run(other.path),
        warm_start=last_checkpoint(other),
        warm_from=str(other.path.resolve()),
    )
    return launch.start(trainer, place, chosen.address)
