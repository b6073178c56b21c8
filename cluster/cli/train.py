"""Commands that start a run: train, of a painter or in the latent world."""

from __future__ import annotations

from cluster.cli import commands
from cluster.cli.arguments.latent import TrainLatent
from cluster.cli.arguments.training import Train


def train(chosen: Train) -> int:
    """Run ``impasto train``."""
    return commands.train(chosen.settings, chosen.run, chosen.address)


def train_latent(chosen: TrainLatent) -> int:
    """Run ``impasto train latent``."""
    return commands.train_latent(chosen.settings, chosen.run, chosen.address, chosen.warm_start)
