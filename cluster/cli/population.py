"""Commands of a population: tune, lineage, retrace."""

from __future__ import annotations

from cluster.cli.arguments.runs import Lineage
from cluster.cli.arguments.training import Retrace, Tune
from cluster.population import commands


def tune(chosen: Tune) -> int:
    """Run `impasto tune`."""
    return commands.tune(chosen.settings, chosen.population, chosen.run, chosen.address)


def lineage(chosen: Lineage) -> int:
    """Run `impasto lineage`."""
    return commands.lineage(chosen.run, chosen.json, chosen.against, chosen.svg)


def retrace(chosen: Retrace) -> int:
    """Run `impasto retrace`."""
    return commands.replay(chosen.population, chosen.run, chosen.address)
