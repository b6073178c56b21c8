"""The command resume, of a run, a population or a retraced schedule."""

from __future__ import annotations

from cluster.cli.arguments.runs import Resume
from cluster.painter.settings import PainterSettings
from cluster.population.launch import resume as resume_population
from cluster.population.schedule import ScheduledTrainer, read_plan
from cluster.runs.folder import RunFolder, is_population
from cluster.runs.location import RunPlace
from cluster.runs.settings import RunSettings
from cluster.runs.stored_settings import open_to_read, trust_task
from cluster.training import launch


def resume(chosen: Resume) -> int:
    """Run `impasto resume`, of a run or a whole population."""
    changes = {name: value for name in chosen.changeable if (value := getattr(chosen, name))}
    with RunPlace.find(chosen.run).claimed() as place:
        place.fetch()
        if is_population(place.path):
            return resume_population(str(place.path), chosen.address, **changes)
        if chosen.trust_task:
            trust_task(open_to_read(str(place.path)))
        return launch.resume(place, chosen.address, changes, scheduled_trainer)


def scheduled_trainer(folder: RunFolder, settings: RunSettings, restarts: int) -> ScheduledTrainer | None:
    """Return the trainer of a run that `impasto retrace` began; None of others."""
    plan = read_plan(folder.path)
    if plan is None or not isinstance(settings, PainterSettings):
        return None
    return ScheduledTrainer(settings, plan, restarts=restarts)
