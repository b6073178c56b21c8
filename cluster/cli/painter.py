"""Commands of the painter: train, resume, sample, evaluate, bench."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated

import tyro

from cluster.bench import BENCHES, BenchOptions
from cluster.cli import commands
from cluster.cli.parse import parse, with_dashes
from cluster.errors import UserError
from cluster.painter.experiments import experiment_settings
from cluster.painter.settings import PresetName, RunSettings

PRESETS = ("laptop", "paper")


@dataclass(frozen=True)
class Train:
    """Train a painter from the start: NAME is an experiment (mnist, omniglot, celeba, scenes, celeba-long), or the path
    of a folder or zip of images.

    Every setting can be given by its name; defaults are the experiment's with that preset. --conditional True, or
    --target, gives each painting a target to reproduce.

    Attributes:
        preset: ``laptop`` learns MNIST on two cores in minutes, ``paper`` is SPIRAL as published.
        run: folder for the run; a new one under ``runs/`` (or $IMPASTO_RUNS) if not given. An address like
            ``s3://bucket/run`` keeps a copy on shared storage, brought up to date after each checkpoint.
        address: Ray cluster to join; a private Ray is started if not given (and $RAY_ADDRESS is not set).
        settings: all settings of the run.
    """

    preset: PresetName = "laptop"
    run: str = ""
    address: str = ""
    settings: Annotated[RunSettings, tyro.conf.arg(name="")] = field(default_factory=RunSettings)


@dataclass(frozen=True)
class Resume:
    """Go on with a run from its last intact checkpoint, or with a whole population.

    Attributes:
        run: folder of the run or population, or a run's address on shared storage.
        minutes: new total training time in minutes; 0 keeps the run's.
        steps: new total of environment steps; 0 keeps the run's.
        actors: new number of actors; 0 keeps the run's.
        redis: URL of a shared Redis, needed again where it has a password; empty keeps the run's.
        data_dir: folder with data sets; empty keeps the run's.
        address: Ray cluster to join.
    """

    run: Annotated[str, tyro.conf.Positional]
    minutes: float = 0.0
    steps: int = 0
    actors: int = 0
    redis: str = ""
    data_dir: str = ""
    address: str = ""


@dataclass(frozen=True)
class Sample:
    """Paint with a run's newest checkpoint: contact sheet, animated painting, actions.

    Attributes:
        run: folder of the run.
        out: folder for the pictures; the run's ``samples`` if not given.
        count: paintings on the sheet.
        seed: of noise and action sampling.
        best: take the checkpoint that did best while training (lowest pixel Frechet distance, or nearest to its
            targets) instead of the newest.
    """

    run: Annotated[str, tyro.conf.Positional]
    out: str = ""
    count: int = 120
    seed: int = 0
    best: bool = False


@dataclass(frozen=True)
class Evaluate:
    """Have an independent judge compare a run's paintings with real images, or read a run's translations.

    Attributes:
        run: folder of the run.
        json: print JSON instead of a table.
        count: paintings, and as many test images, or test images to translate; 0 is the number to publish: 2000
            paintings of digits, 1000 of other data, all test images.
        data_dir: folder with data sets that are there already.
        best: take the checkpoint that did best while training (lowest pixel Frechet distance, or nearest to its
            targets) instead of the newest.
        baselines: of a run in the latent world: also train and measure what it is compared with; takes minutes.
    """

    run: Annotated[str, tyro.conf.Positional]
    json: bool = False
    count: int = 0
    data_dir: str = ""
    best: bool = False
    baselines: bool = False


@dataclass(frozen=True)
class Bench:
    """Measure; prints one JSON line per figure.

    Attributes:
        names: what to measure; everything if nothing is named.
        options: how.
    """

    names: Annotated[tuple[str, ...], tyro.conf.Positional] = ()
    options: Annotated[BenchOptions, tyro.conf.arg(name="")] = field(default_factory=BenchOptions)


def train(arguments: Sequence[str]) -> int:
    """``impasto train``."""
    preset, settings, arguments = starting_point(arguments)
    chosen = parse(Train, arguments, "train", Train(preset=preset, settings=settings), usage="[NAME]")
    return commands.train(chosen.settings, chosen.run, chosen.address)


def starting_point(arguments: Sequence[str]) -> tuple[PresetName, RunSettings, Sequence[str]]:
    """What decides the defaults of all other options: the preset, the experiment's settings, and what is left to read.

    Raises:
        UserError: no such preset or experiment.
    """
    arguments = [re.sub("^--target(?==|$)", "--conditional", part) for part in arguments]
    name = look_ahead(arguments, "--preset") or "laptop"
    if name not in PRESETS:
        raise UserError(f"--preset: unknown value {name!r}; valid are {', '.join(PRESETS)}")
    experiment = "mnist"
    if arguments and not arguments[0].startswith("-"):
        experiment, arguments = arguments[0], arguments[1:]
    preset: PresetName = "paper" if name == "paper" else "laptop"
    conditional = {"True": True, "False": False}.get(look_ahead(arguments, "--conditional"))
    return preset, experiment_settings(experiment, preset, conditional), arguments


def look_ahead(arguments: Sequence[str], option: str) -> str:
    """The value of an option that decides the defaults of the others; empty where it is not given.

    A bare flag counts as True, as :func:`cluster.cli.parse.parse` reads it.
    """
    for part, following in itertools.pairwise([*map(with_dashes, arguments), "--"]):
        if part.startswith(f"{option}="):
            return part.split("=", 1)[1]
        if part == option:
            return "True" if following.startswith("--") else following
    return ""


def resume(arguments: Sequence[str]) -> int:
    """``impasto resume``."""
    chosen = parse(Resume, arguments, "resume")
    names = ("minutes", "steps", "actors", "redis", "data_dir")
    changes = {name: value for name in names if (value := getattr(chosen, name))}
    return commands.resume(chosen.run, chosen.address, **changes)


def sample(arguments: Sequence[str]) -> int:
    """``impasto sample``."""
    chosen = parse(Sample, arguments, "sample")
    return commands.sample(chosen.run, chosen.out, chosen.count, chosen.seed, chosen.best)


def evaluate(arguments: Sequence[str]) -> int:
    """``impasto evaluate``."""
    chosen = parse(Evaluate, arguments, "evaluate")
    return commands.evaluate(
        chosen.run, chosen.json, chosen.count, chosen.data_dir, best=chosen.best, baselines=chosen.baselines
    )


def bench(arguments: Sequence[str]) -> int:
    """``impasto bench``."""
    chosen = parse(Bench, arguments, "bench")
    for name in chosen.names:
        if name not in (*BENCHES, "all"):
            raise UserError(f"bench: unknown {name!r}; valid are {', '.join((*BENCHES, 'all'))}")
    return commands.bench(list(chosen.names) or list(BENCHES), chosen.options)
