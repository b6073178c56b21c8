"""What `impasto tune`, `lineage`, `replay`, and `resume` of a population do, once their arguments are read."""

from __future__ import annotations

import json
import os
import shlex
import sys
import time
from pathlib import Path
from typing import Any

import ray

from cluster.errors import UserError
from cluster.evaluation.text_tables import number, text_table
from cluster.painter.settings import PainterSettings
from cluster.population import folder as folders
from cluster.population.folder import PopulationFolder
from cluster.population.hyperparameters import check_decays
from cluster.population.lineage.ancestry import ancestry, best, curve, schedule
from cluster.population.lineage.compare import compare, write_svg
from cluster.population.lineage.events import Event, read_events
from cluster.population.member_config import own_settings
from cluster.population.schedule import ScheduledTrainer, write_plan
from cluster.population.settings import PopulationSettings
from cluster.population.tuner import Population, read_state, unfinished
from cluster.runs.folder import RunFolder, RunFolderError
from cluster.runs.location import RunPlace
from cluster.runs.redaction import HIDDEN
from cluster.training.launch import check_free, start
from cluster.training.ray_session import standard_error_to, start_ray


def tune(settings: PainterSettings, population: PopulationSettings, run: str, address: str = "") -> int:
    """Train a population in folder `run` (a new one under `runs/` if empty). Returns the exit status."""
    name = "images" if "/" in settings.system.data else settings.system.data
    place = RunPlace.find(run or f"{name}-population-{time.strftime('%Y%m%d-%H%M%S')}", new=not run)
    if place.remote is not None:
        raise UserError("tune: members write into one folder: give a path that all nodes reach, not an address")
    checked(settings, population)
    runner = Population(everywhere(settings), population)
    try:
        folder = folders.create(place.path, {"population": population.to_json(), "settings": settings.storable()})
    except RunFolderError as error:
        raise UserError(str(error)) from error
    with folder, folder.start():
        return carry_on(runner, folder, address)


def checked(settings: PainterSettings, population: PopulationSettings) -> None:
    """Raise UserError where settings do not go together."""
    if not settings.system.steps:
        raise UserError("tune: members are compared at environment steps, and decays follow them; give --steps")
    steps, interval = settings.system.steps, population.interval_steps
    if interval > steps:
        raise UserError(f"tune: interval_steps {interval} is more than the {steps} steps of the run")
    check_decays(settings, population)


def everywhere(settings: PainterSettings) -> PainterSettings:
    """Settings whose paths work from any folder; a password stays."""
    return PainterSettings.from_json(settings.storable()).replace(redis=settings.system.redis)


def carry_on(runner: Population, folder: RunFolder, address: str) -> int:
    """Train in `folder` and say what came of it."""
    with standard_error_to(folder.path / "ray.log"):
        start_ray(address, cpus=runner.cpus())
        try:
            reason = runner.run(folder, joined=bool(address or os.environ.get("RAY_ADDRESS")))
        finally:
            ray.shutdown()
    place = PopulationFolder(folder.path)
    standing = best(read_events(place.lineage))
    print(f"{reason}; the record is {place.lineage}")
    if standing:
        member = standing["member"]
        print(f"best: member {member:02d}, score {number(standing['score'])}: {place.member(member)}")
    print("next:", shlex.join(["impasto", "resume" if reason == "interrupted" else "lineage", str(folder.path)]))
    return 0


def resume(run: str, address: str = "", **changes: Any) -> int:
    """Go on with a whole population: every member from its last intact checkpoint."""
    try:
        folder = RunFolder.open(run)
        population, settings = PopulationFolder(run).read_settings()
    except RunFolderError as error:
        raise UserError(str(error)) from error
    with folder:
        settings = settings.replace(**changes)
        if HIDDEN in settings.system.redis:
            raise UserError(
                "resume: this population used a Redis with a password, which is not kept; give --redis its URL"
            )
        checked(settings, population)
        place = PopulationFolder(run)
        if not unfinished(place, population, settings.system.steps):
            raise UserError(f"{run}: every member has trained {settings.system.steps} steps; give more --steps")
        minutes, spent = settings.system.minutes, read_state(place).elapsed_s / 60
        if minutes and spent >= minutes:
            raise UserError(f"{run}: it has run {spent:.1f} of its {minutes:g} minutes; give more --minutes")
        folder.write_config({"population": population.to_json(), "settings": settings.storable()})
        return carry_on(Population(everywhere(settings), population), folder, address)


def read(run: str) -> tuple[PopulationFolder, list[Event], dict[str, Any]]:
    """A population's folder, its events, and the standing of its best member."""
    place = PopulationFolder(run)
    try:
        place.read_settings()
    except RunFolderError as error:
        raise UserError(str(error)) from error
    events = read_events(place.lineage)
    standing = best(events)
    if standing is None:
        raise UserError(f"{run}: no comparison yet, so nobody is best")
    return place, events, standing


def lineage(run: str, as_json: bool = False, against: str = "", svg: str = "") -> int:
    """Print the ancestry of the best member and the schedule that its weights lived through."""
    _, events, standing = read(run)
    if against:
        _, others, _ = read(against)
        result = compare(events, others)
        if svg:
            write_svg(svg, events, others, str(result["fitness"]))
        print(
            json.dumps(result)
            if as_json
            else text_table(["figure", "value"], ((name, str(value)) for name, value in result.items()))
        )
        return 0
    path = ancestry(events, standing["branch"])
    scores = curve(events, path)
    if as_json:
        plan = [{"env_steps": steps, "values": values} for steps, values in schedule(path)]
        line = [{"branch": each.number, "member": each.member, "env_steps": each.start} for each in path]
        print(json.dumps({"best": standing, "ancestry": line, "schedule": plan, "curve": scores}))
        return 0
    print(
        f"best: member {standing['member']:02d}, branch {standing['branch']}, score {number(standing['score'])} "
        f"({standing['episodes']} paintings) at {standing['env_steps']} steps"
    )
    names = list(path[0].values)
    ends = [branch.start for branch in path[1:]] + [sys.maxsize]
    rows = []
    for branch, end in zip(path, ends, strict=True):
        reached = [score for steps, score in scores if branch.start < steps <= end]
        place = [str(value) for value in (branch.start, branch.number, branch.member)]
        rows.append(
            [*place, *(number(branch.values[name]) for name in names), number(reached[-1] if reached else None)]
        )
    print(text_table(["from step", "branch", "member", *names, "score"], rows))
    return 0


def replay(run: str, out: str, address: str = "") -> int:
    """Train one member from the start with the best member's stitched schedule, in folder `out`."""
    place, events, standing = read(str(RunPlace.find(run).path))
    _, settings = place.read_settings()
    if HIDDEN in settings.system.redis:
        settings = settings.replace(redis="")
    path = ancestry(events, standing["branch"])
    plan = schedule(path)
    own = own_settings(settings, path[0].member)
    trainer = ScheduledTrainer(own, plan)
    beside = Path(f"{place.path}-replay-{time.strftime('%Y%m%d-%H%M%S')}")
    target = RunPlace.find(out) if out else RunPlace(beside)
    check_free(target, out or str(beside))
    return start(trainer, target, address, lambda folder: write_plan(folder, plan))
