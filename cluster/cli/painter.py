"""Commands of the painter: train, resume, sample, evaluate, bench."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated

import tyro

from cluster import commands
from cluster.bench import BENCHES, BenchOptions
from cluster.cli.parse import parse
from cluster.errors import UserError
from cluster.settings import PresetName, RunSettings, preset

PRESETS = ("laptop", "paper")


@dataclass(frozen=True)
class Train:
    """Train a painter from the start on DATA: ``mnist``, or a folder or zip of images.

    Every setting can be given by its name; defaults are the preset's.

    Attributes:
        preset: ``laptop`` learns MNIST on two cores in minutes, ``paper`` is SPIRAL as published.
        run: folder for the run; a new one under ``runs/`` if not given.
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
        run: folder of the run or population.
        minutes: new total training time in minutes; 0 keeps the run's.
        steps: new total of environment steps; 0 keeps the run's.
        redis: URL of a shared Redis, needed again where it has a password; empty keeps the run's.
        data_dir: folder with data sets; empty keeps the run's.
        address: Ray cluster to join.
    """

    run: Annotated[str, tyro.conf.Positional]
    minutes: float = 0.0
    steps: int = 0
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
        best: take the checkpoint of lowest pixel Frechet distance instead of the newest.
    """

    run: Annotated[str, tyro.conf.Positional]
    out: str = ""
    count: int = 120
    seed: int = 0
    best: bool = False


@dataclass(frozen=True)
class Evaluate:
    """Have an independent judge compare a run's paintings with real digits.

    Attributes:
        run: folder of the run.
        json: print JSON instead of a table.
        count: paintings, and as many test digits; 2000 is the number to publish.
        data_dir: folder with data sets that are there already.
        best: take the checkpoint of lowest pixel Frechet distance instead of the newest.
    """

    run: Annotated[str, tyro.conf.Positional]
    json: bool = False
    count: int = 2000
    data_dir: str = ""
    best: bool = False


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
    given = dict(itertools.pairwise(arguments))
    named = next((part.split("=", 1)[1] for part in arguments if part.startswith("--preset=")), given.get("--preset"))
    name = named or "laptop"
    if name not in PRESETS:
        raise UserError(f"--preset: unknown value {name!r}; valid are {', '.join(PRESETS)}")
    data = "mnist"
    if arguments and not arguments[0].startswith("-"):
        data, arguments = arguments[0], arguments[1:]
    known: PresetName = "paper" if name == "paper" else "laptop"
    chosen = parse(Train, arguments, "train", Train(preset=known, settings=preset(known, data)), usage="[DATA]")
    return commands.train(chosen.settings, chosen.run, chosen.address)


def resume(arguments: Sequence[str]) -> int:
    """``impasto resume``."""
    chosen = parse(Resume, arguments, "resume")
    changes = {name: value for name in ("minutes", "steps", "redis", "data_dir") if (value := getattr(chosen, name))}
    return commands.resume(chosen.run, chosen.address, **changes)


def sample(arguments: Sequence[str]) -> int:
    """``impasto sample``."""
    chosen = parse(Sample, arguments, "sample")
    return commands.sample(chosen.run, chosen.out, chosen.count, chosen.seed, chosen.best)


def evaluate(arguments: Sequence[str]) -> int:
    """``impasto evaluate``."""
    chosen = parse(Evaluate, arguments, "evaluate")
    return commands.evaluate(chosen.run, chosen.json, chosen.count, chosen.data_dir, chosen.best)


def bench(arguments: Sequence[str]) -> int:
    """``impasto bench``."""
    chosen = parse(Bench, arguments, "bench")
    for name in chosen.names:
        if name not in (*BENCHES, "all"):
            raise UserError(f"bench: unknown {name!r}; valid are {', '.join((*BENCHES, 'all'))}")
    return commands.bench(list(chosen.names) or list(BENCHES), chosen.options)
