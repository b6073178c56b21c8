"""Commands of a population: tune, lineage, replay."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated

import tyro

from cluster.cli.parse import parse
from cluster.errors import UserError
from cluster.population import commands
from cluster.population.settings import DEFAULT_STEPS, PopulationSettings, population_preset
from cluster.settings import PresetName, RunSettings, preset

PRESETS: dict[str, PresetName] = {"laptop": "laptop", "paper": "paper"}


@dataclass(frozen=True)
class Tune:
    """Train a population of painters on DATA: ``mnist``, or a folder or zip of images.

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
    given = dict(itertools.pairwise(arguments))
    named = next((part.split("=", 1)[1] for part in arguments if part.startswith("--preset=")), given.get("--preset"))
    if (named or "laptop") not in PRESETS:
        raise UserError(f"--preset: unknown value {named!r}; valid are {', '.join(PRESETS)}")
    name = PRESETS[named or "laptop"]
    data = "mnist"
    if arguments and not arguments[0].startswith("-"):
        data, arguments = arguments[0], arguments[1:]
    settings = preset(name, data).replace(steps=DEFAULT_STEPS[name], minutes=0.0)
    default = Tune(preset=name, population=population_preset(name, data), settings=settings)
    chosen = parse(Tune, arguments, "tune", default, usage="[DATA]")
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
