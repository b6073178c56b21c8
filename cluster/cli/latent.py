"""Commands of the latent world: train, translate."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated

import tyro

from cluster.cli import commands
from cluster.cli.parse import parse
from cluster.errors import UserError
from cluster.latent.settings import LatentSettings
from cluster.runs.stored import latent_settings, open_to_read


@dataclass(frozen=True)
class TrainLatent:
    """Train an agent that steers a GAN's latent space: show the digit that a task makes of the input's.

    Every setting can be given by its name. Frozen parts are trained first where the cache has none of these settings.

    Attributes:
        warm_start: folder of a run to start from: its networks, and its replay scored again for the new task. Its
            settings are the defaults then; frozen parts, data, ``--hidden`` and ``--action-range`` must stay as they
            are.
        run: folder for the run; a new one under ``runs/`` if not given.
        address: Ray cluster to join; a private Ray is started if not given (and $RAY_ADDRESS is not set).
        settings: all settings of the run.
    """

    warm_start: str = ""
    run: str = ""
    address: str = ""
    settings: Annotated[LatentSettings, tyro.conf.arg(name="")] = field(default_factory=LatentSettings)


@dataclass(frozen=True)
class Translate:
    """Translate images with a trained agent: the digit that a task makes of each, in its hand.

    Images are of the size and mode of the training data, bright on a dark ground. One that can not be read is named and
    left out.

    Attributes:
        images: files.
        run: folder of the run.
        task: what is asked; one of those that the run was trained for. Its only one if not given.
        out: folder for the results, ``NAME-TASK.png``.
        best: take the checkpoint of highest score, on held-out training images, instead of the newest.
    """

    images: Annotated[tuple[str, ...], tyro.conf.Positional]
    run: str = ""
    task: str = ""
    out: str = "translated"
    best: bool = False


def translate(arguments: Sequence[str]) -> int:
    """``impasto translate``."""
    chosen = parse(Translate, arguments, "translate")
    if not chosen.run:
        raise UserError("translate: --run is missing: the folder of a run of `impasto train latent`")
    if not chosen.images:
        raise UserError("translate: no images given")
    return commands.translate(chosen.images, chosen.run, chosen.task, chosen.out, chosen.best)


def train(arguments: Sequence[str]) -> int:
    """``impasto train latent``."""
    other = value_of("--warm-start", arguments)
    default = TrainLatent()
    if other:
        default = TrainLatent(settings=latent_settings(open_to_read(other), "train latent"))
    chosen = parse(TrainLatent, arguments, "train latent", default)
    return commands.train_latent(chosen.settings, chosen.run, chosen.address, chosen.warm_start)


def value_of(option: str, arguments: Sequence[str]) -> str:
    """The value of an option that decides about the defaults of the others; empty where it is not given."""
    parts = [part.replace("_", "-") if part.startswith("--") and "=" not in part else part for part in arguments]
    following = dict(itertools.pairwise(parts))
    joined = (part.split("=", 1)[1] for part in parts if part.replace("_", "-").startswith(f"{option}="))
    return next(joined, following.get(option, ""))
