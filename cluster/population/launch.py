"""Starts and resumes of a population, and of a run with its best member's schedule: folders, Ray, last words."""

from __future__ import annotations

import os
import shlex
import time
from pathlib import Path
from typing import Any

import ray

from cluster.errors import UserError
from cluster.metrics.tracking import require
from cluster.painter.settings import PainterSettings
from cluster.population import folder as folders
from cluster.population.folder import PopulationFolder
from cluster.population.hyperparameters import check_decays
from cluster.population.lineage.report import BestMember, with_error
from cluster.population.member_config import own_settings
from cluster.population.schedule import ScheduledTrainer, write_plan
from cluster.population.settings import PopulationSettings
from cluster.population.tuner import PopulationTuner, read_state, unfinished
from cluster.runs import own_files
from cluster.runs.folder import RunFolder
from cluster.runs.location import RunPlace
from cluster.runs.redaction import HIDDEN
from cluster.training.launch import check_free, start
from cluster.training.or_resume import begun, given_anywhere, limits, warn_of_others
from cluster.training.ray_session import standard_error_to, start_ray


def tune(
    settings: PainterSettings, population: PopulationSettings, run: str, address: str = "", *, or_resume: bool = False
) -> int:
    """Train a population in folder `run` (a new one under `runs/` if empty).

    Args:
        settings: What its members share.
        population: How they are compared.
        run: The folder.
        address: Ray cluster to join; empty for a private Ray.
        or_resume: Go on with the population in `run` if it has begun, within the limits given now.

    Returns:
        The exit status.

    Raises:
        UserError: The folder holds something else, or can not be made.
    """
    name = "images" if "/" in settings.system.data else settings.system.data
    place = RunPlace.find(run or f"{name}-population-{time.strftime('%Y%m%d-%H%M%S')}", new=not run)
    if place.remote is not None:
        raise UserError("tune: members write into one folder: give a path that all nodes reach, not an address")
    if or_resume and begun(run):
        its_own, theirs = PopulationFolder(place.path).read_settings()
        given = given_anywhere(settings).flat() | population.to_json()
        warn_of_others(place.path, theirs.flat() | its_own.to_json(), given, ("brush",))  # which is a copy
        return resume(str(place.path), address, **limits(settings))
    check_settings(settings, population)
    require(wandb=settings.system.wandb, mlflow=settings.system.mlflow)
    tuner = PopulationTuner(given_anywhere(settings), population)
    folder = folders.create(place.path, {"population": population.to_json(), "settings": settings.storable()})
    with folder, folder.start():
        tuner.settings = own_files.keep(folder.path, tuner.settings)
        write_config(folder, population, tuner.settings)
        return train_in(folder, tuner, address)


def resume(run: str, address: str = "", **changes: Any) -> int:
    """Go on with a population: every member from its last intact checkpoint. Returns the exit status."""
    with RunFolder.open(run) as folder:
        population, settings = PopulationFolder(run).read_settings()
        settings = settings.replace(**changes)
        if HIDDEN in settings.system.redis:
            raise UserError(
                "resume: this population used a Redis with a password, which is not kept; give --redis its URL"
            )
        check_settings(settings, population)
        place = PopulationFolder(run)
        if not unfinished(place, population, settings.system.steps):
            raise UserError(f"{run}: every member has trained {settings.system.steps} steps; give more --steps")
        minutes, spent = settings.system.minutes, read_state(place).elapsed_s / 60
        if minutes and spent >= minutes:
            raise UserError(f"{run}: it has run {spent:.1f} of its {minutes:g} minutes; give more --minutes")
        write_config(folder, population, settings)
        return train_in(folder, PopulationTuner(given_anywhere(settings), population), address)


def write_config(folder: RunFolder, population: PopulationSettings, settings: PainterSettings) -> None:
    """Write a population's settings into its folder, its own brush by the path inside."""
    folder.write_config({"population": population.to_json(), "settings": own_files.storable(folder.path, settings)})


def retrace(run: str, out: str, address: str = "") -> int:
    """Train one run from the start with the schedule that the best member's weights lived through.

    Args:
        run: folder of the population.
        out: folder of the new run; beside the population if empty.
        address: Ray cluster to join; empty for a private Ray.

    Returns:
        The exit status.
    """
    best = BestMember.read(str(RunPlace.find(run).path))
    _, settings = best.place.read_settings()
    if HIDDEN in settings.system.redis:
        settings = settings.replace(redis="")
    trainer = ScheduledTrainer(own_settings(settings, best.path[0].member), best.schedule)
    beside = Path(f"{best.place.path}-retrace-{time.strftime('%Y%m%d-%H%M%S')}")
    target = RunPlace.find(out) if out else RunPlace(beside)
    check_free(target, out or str(beside))
    return start(trainer, target, address, lambda folder: write_plan(folder, best.schedule))


def check_settings(settings: PainterSettings, population: PopulationSettings) -> None:
    """Check settings that depend on each other.

    Raises:
        UserError: members have no steps, or fewer than an interval; or an inference service, which is of single runs.
        ValueError: a setting that shall evolve is 0.
    """
    if settings.system.inference == "server":
        raise UserError("tune: actors of a population's members act themselves: leave out --inference server")
    if not settings.system.steps:
        raise UserError("tune: members are compared at environment steps, and decays follow them; give --steps")
    steps, interval = settings.system.steps, population.interval_steps
    if interval > steps:
        raise UserError(f"tune: interval_steps {interval} is more than the {steps} steps of the run")
    check_decays(settings, population)


def train_in(folder: RunFolder, tuner: PopulationTuner, address: str) -> int:
    """Train in `folder` and print the result and the next command. Returns the exit status."""
    with standard_error_to(folder.path / "ray.log"):
        start_ray(address, cpus=tuner.cpus())
        try:
            reason = tuner.run(folder, joined=bool(address or os.environ.get("RAY_ADDRESS")))
        finally:
            ray.shutdown()
    place = PopulationFolder(folder.path)
    print(f"{reason}; the record is {place.lineage}")
    if standing := read_state(place).lineage.best:
        member = standing["member"]
        print(f"best: member {member:02d}, score {with_error(standing)}: {place.member(member)}")
    print("next:", shlex.join(["impasto", "resume" if reason == "interrupted" else "lineage", str(folder.path)]))
    return 0
