"""Commands of the latent world: train."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated

import tyro

from cluster import commands
from cluster.cli.parse import parse
from cluster.latent_settings import LatentSettings


@dataclass(frozen=True)
class TrainLatent:
    """Train an agent that steers a GAN's latent space: show the digit that a task makes of the input's.

    Every setting can be given by its name. Frozen parts are trained first where the cache has none of these settings.

    Attributes:
        run: folder for the run; a new one under ``runs/`` if not given.
        address: Ray cluster to join; a private Ray is started if not given (and $RAY_ADDRESS is not set).
        settings: all settings of the run.
    """

    run: str = ""
    address: str = ""
    settings: Annotated[LatentSettings, tyro.conf.arg(name="")] = field(default_factory=LatentSettings)


def train(arguments: Sequence[str]) -> int:
    """``impasto train latent``."""
    chosen = parse(TrainLatent, arguments, "train latent")
    return commands.start(chosen.settings, "latent", chosen.run, chosen.address)
