"""Commands of a population: tune, lineage, replay."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated

import tyro

from cluster.cli.painter import starting_point
from cluster.cli.parse import parse
from cluster.errors import UserError
from cluster.painter.settings import PresetName, RunSettings
from cluster.population import commands
from cluster.population.settings import DEFAULT_STEPS, PopulationSettings, population_preset


@dataclass(frozen=True)
class Tune:
    """Train a population: NAME is an experiment, or the path of a folder or zip of images, as in ``impasto train``.

    Its members compare at equal environment steps; the worst copy the best and change their hyper-parameters. Every
    setting of ``impasto train`` can be given too, for all members; defaults are the preset's.

    Attributes:
        preset: what members start from; also decides the ranges of what evolves and the interval.
        run: folder for the population; a new one under ``runs/`` if not given.
        address: Ray cluster to join; a private Ray is started if not given (and $RAY_ADDRESS is not set).
        population: how members are compared and changed.
        settings: what all members share.
    """

    preset: PresetName = "laptop"
    run: str = ""
    address: str = ""
    population: Annotated[PopulationSettings, tyro.conf.arg(name="")] = field(default_factory=PopulationSettings)
    settings: Annotated[RunSettings, tyro.conf.arg(name="")] = field(default_factory=RunSettings)


@dataclass(frozen=True)
class Lineage:
    """The ancestry of a population's best member, and the schedule of hyper-parameters that its weights lived through.

    Attributes:
        run: folder of the population.
        json: print JSON instead of a table.
        against: folder of another population (one with ``--exploit none``, say): compare this one's best member with
            the other's median at the same steps instead.
        svg: with ``against``: file for a picture of both.
    """

    run: Annotated[str, tyro.conf.Positional]
    json: bool = False
    against: str = ""
    svg: str = ""


@dataclass(frozen=True)
class Replay:
    """Train one member from the start with the best member's schedule.

    Attributes:
        population: folder of the population.
        run: folder for the new run; beside the population if not given.
        address: Ray cluster to join.
    """

    population: Annotated[str, tyro.conf.Positional]
    run: str = ""
    address: str = ""


def tune(arguments: Sequence[str]) -> int:
    """``impasto tune``."""
    preset, settings, arguments = starting_point(arguments)
    settings = settings.replace(steps=DEFAULT_STEPS[preset], minutes=0.0)
    default = Tune(preset=preset, population=population_preset(preset, settings.system.data), settings=settings)
    chosen = parse(Tune, arguments, "tune", default, usage="[NAME]")
    return commands.tune(chosen.settings, chosen.population, chosen.run, chosen.address)


def lineage(arguments: Sequence[str]) -> int:
    """``impasto lineage``."""
    chosen = parse(Lineage, arguments, "lineage")
    if chosen.svg and not chosen.against:
        raise UserError("lineage: --svg draws a comparison; give --against the other population")
    return commands.lineage(chosen.run, chosen.json, chosen.against, chosen.svg)


def replay(arguments: Sequence[str]) -> int:
    """``impasto replay``."""
    chosen = parse(Replay, arguments, "replay")
    return commands.replay(chosen.population, chosen.run, chosen.address)
