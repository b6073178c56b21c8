"""Arguments of the commands that train from the start: train, tune, retrace, reproduce, mcmc."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar

from annotated_types import Interval

from cluster.cli.parse import NO_OPTION, Positional, numbers
from cluster.errors import UserError
from cluster.painter.experiments import experiment_settings
from cluster.painter.settings import PainterSettings, PresetName
from cluster.population.settings import DEFAULT_STEPS, PopulationSettings, population_preset
from cluster.runs.stored_settings import open_to_read, read_settings_as
from envs.ranges import Natural, Positive, check_ranges


@dataclass(frozen=True)
class Train:
    """Train a painter from the start; `impasto train latent` trains an agent that steers a GAN instead.

    NAME is an experiment (mnist, omniglot, celeba, pictures, scenes, celeba-long), or the path of a folder or zip of
    images. Every setting can be given by its name; defaults are the experiment's with that preset. `--target`, which is
    short for `--conditional`, gives each painting a target to reproduce.

    Attributes:
        name: Experiment, or path of a folder or zip of images.
        preset: `laptop` learns MNIST on two cores in minutes, `paper` is SPIRAL as published, `search` reproduces
            pictures with strokes that the actors search.
        run: Folder for the run; a new one under `runs/` (or $IMPASTO_RUNS) if not given. An address like
            `s3://bucket/run` keeps a copy on shared storage, brought up to date after each checkpoint.
        address: Ray cluster to join; a private Ray is started if not given (and $RAY_ADDRESS is not set).
        settings: All settings of the run.
        warm_start: Agent, or folder of a run, whose networks, those of its best checkpoint, the run begins with. The
            defaults then are its world, networks, learning and sizes of batches, not its limits, processes and folders;
            what the networks are made of must stay.
        or_resume: Go on with the run that `--run` names if it has begun: the same command then starts it and, after
            whatever ended it, goes on from its last checkpoint.
    """

    aliases: ClassVar = {"target": "conditional"}

    name: Positional[str] = "mnist"
    preset: PresetName = "laptop"
    run: str = ""
    address: str = ""
    settings: PainterSettings = field(default_factory=PainterSettings)
    warm_start: str = ""
    or_resume: bool = False

    @classmethod
    def start(cls, given: dict[str, Any]) -> Train:
        """The values to start from, which experiment, preset and `--conditional` decide, or the run to begin with."""
        name, preset = given.get("name", cls.name), given.get("preset", cls.preset)
        if other := given.get("warm_start"):
            if "preset" in given:
                raise UserError("preset: a run with --warm-start has the settings of the other run; leave it out")
            return cls(settings=settings_for(name, other))
        return cls(settings=experiment_settings(name, preset, given.get("conditional")))


#: What a run takes over from the system settings of the run that it begins with: the sizes of batches.
BATCHES = (
    "canvases", "random_canvases", "batches_per_update", "max_lag", "replay_batches", "publish_interval",
    "discriminator_publish_interval",
)  # fmt: skip


def settings_for(data: str, other: str) -> PainterSettings:
    """Return the settings of a run that begins with another's networks: those of the other, on other data.

    Limits, folders and addresses are the defaults.

    Raises:
        UserError: The other is no painter's run, or the data has neither a known name nor a path.
    """
    theirs = read_settings_as(PainterSettings, open_to_read(other), "warm start")
    new = experiment_settings(data).system
    kept = {name: getattr(theirs.system, name) for name in BATCHES}
    return dataclasses.replace(theirs, system=dataclasses.replace(new, **kept))


@dataclass(frozen=True)
class Tune:
    """Train a population whose settings evolve (population based training).

    NAME is an experiment, or the path of a folder or zip of images, as in `impasto train`. The members compare at equal
    environment steps; the worst copy the best and change their hyper-parameters. Every setting of `impasto train` can
    be given too, for all members; defaults are the preset's.

    Attributes:
        name: Experiment, or path of a folder or zip of images.
        preset: Preset that members start from; it also decides the ranges of the evolved settings and the interval.
        run: Folder for the population; a new one under `runs/` if not given.
        address: Ray cluster to join; a private Ray is started if not given (and $RAY_ADDRESS is not set).
        population: How members are compared and changed.
        settings: Settings that all members share.
        or_resume: Go on with the population that `--run` names if it has begun: the same command then starts it and,
            after whatever ended it, goes on from its members' last checkpoints.
    """

    aliases: ClassVar = {"target": "conditional"}

    name: Positional[str] = "mnist"
    preset: PresetName = "laptop"
    run: str = ""
    address: str = ""
    population: PopulationSettings = field(default_factory=PopulationSettings)
    settings: PainterSettings = field(default_factory=PainterSettings)
    or_resume: bool = False

    @classmethod
    def start(cls, given: dict[str, Any]) -> Tune:
        """The values to start from, which experiment, preset and `--conditional` decide."""
        plain = Train.start(given)
        preset = given.get("preset", cls.preset)
        settings = plain.settings.replace(steps=DEFAULT_STEPS[preset], minutes=0.0)
        return cls(population=population_preset(preset, settings.system.data), settings=settings)


@dataclass(frozen=True)
class Retrace:
    """Train one run from the start with the schedule of settings that a population's best member lived through.

    Attributes:
        population: Folder of the population.
        run: Folder for the new run; beside the population if not given.
        address: Ray cluster to join.
    """

    population: Positional[str]
    run: str = ""
    address: str = ""


@dataclass(frozen=True)
class Reproduce:
    """Train the rows of a table (mnist, omniglot, celeba, scenes, long, all) within a budget, measure and write them.

    Run it again to go on where it stopped, or with more minutes to go further. Every setting of `impasto train` can be
    given too, for all rows; defaults are those of each row.

    Attributes:
        table: Name of the table.
        minutes_per_row: Training time of each row.
        rows: Names of the rows to run, with commas between them; all if not given.
        preset: `laptop` or `paper`.
        out: Folder for the table (JSON, Markdown) and its pictures.
        runs: Folder for the runs.
        address: Ray cluster to join.
        settings: Settings of all rows.
        changes: Those of them that were given, by name.
    """

    aliases: ClassVar = {"target": "conditional"}

    table: Positional[str]
    minutes_per_row: Positive = 15.0
    rows: str = ""
    preset: PresetName = "laptop"
    out: str = "results"
    runs: str = "runs/reproduce"
    address: str = ""
    settings: PainterSettings = field(default_factory=PainterSettings)
    changes: Mapping[str, Any] = field(default_factory=dict, metadata={NO_OPTION: True})

    def __post_init__(self) -> None:
        check_ranges(self)

    @classmethod
    def start(cls, given: dict[str, Any]) -> Reproduce:
        """The values to start from, among them the settings that were given."""
        names = PainterSettings().flat()
        return cls(given.get("table", ""), changes={name: value for name, value in given.items() if name in names})


@dataclass(frozen=True)
class Mcmc:
    """Have blocked Metropolis-Hastings infer held-out scenes: the baseline of the agent of `impasto train scenes`.

    Attributes:
        out: Folder for the table (JSON) and the picture.
        count: Held-out scenes.
        evaluations: Likelihoods (pictures) after which to look, ascending, with commas between them.
        variance: Variance of the Gaussian likelihood of a pixel in [0, 1]. Smaller is greedier; 0.01 to 1 are usual.
        seed: Seed of the chains.
        json: Print JSON instead of a table.
    """

    out: str = "runs/mcmc"
    count: Annotated[int, Interval(ge=1, le=1000)] = 100
    evaluations: str = "10,100,1000,5000"
    variance: Positive = 0.25
    seed: Natural = 0
    json: bool = False

    def __post_init__(self) -> None:
        check_ranges(self)
        if min(self.looks) < 1:
            raise ValueError(f"evaluations: expected numbers of at least 1, got {self.evaluations}")

    @property
    def looks(self) -> tuple[int, ...]:
        """The values of `evaluations`."""
        return numbers("evaluations", self.evaluations)
