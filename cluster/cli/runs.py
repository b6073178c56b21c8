"""Commands on what is trained: resume, sample, evaluate, translate."""

from __future__ import annotations

from cluster.cli import commands
from cluster.cli.arguments.runs import Evaluate, Resume, Sample, Translate


def resume(chosen: Resume) -> int:
    """Run ``impasto resume``."""
    names = ("minutes", "steps", "actors", "redis", "data_dir")
    changes = {name: value for name in names if (value := getattr(chosen, name))}
    return commands.resume(chosen.run, chosen.address, **changes)


def sample(chosen: Sample) -> int:
    """Run ``impasto sample``."""
    return commands.sample(chosen.run, chosen.out, chosen.count, chosen.seed, chosen.best)


def evaluate(chosen: Evaluate) -> int:
    """Run ``impasto evaluate``."""
    return commands.evaluate(
        chosen.run, chosen.json, chosen.count, chosen.data_dir, best=chosen.best, baselines=chosen.baselines
    )


def translate(chosen: Translate) -> int:
    """Run ``impasto translate``."""
    return commands.translate(chosen.images, chosen.run, chosen.task, chosen.out, chosen.best)
