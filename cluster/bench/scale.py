"""Steps per second of a whole run with more and more actors, and what of it each further actor brings."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from cluster.bench import train
from cluster.bench.measure import figure
from cluster.bench.options import BenchOptions, Figure
from cluster.training.cpus import available_cpus


def actor_counts(cores: int) -> list[int]:
    """List 1, 2, 4, ... up to the cores, and the cores themselves.

    >>> actor_counts(2), actor_counts(12)
    ([1, 2], [1, 2, 4, 8, 12])
    """
    doubled = [1 << power for power in range(cores.bit_length())]
    return sorted({*doubled, cores})


def bench(options: BenchOptions) -> Iterator[Figure]:
    """Yield the rate of each run, and its efficiency: the rate against as many times that of one actor.

    Learners and driver share the cores with the actors, so efficiency falls as they saturate. With `actors` set, that
    many are the most.
    """
    most = options.actors or available_cpus()
    one = 0.0
    for actors in actor_counts(1 if options.quick else most):
        name = f"scale {options.preset or 'laptop'}, {actors} actor{'s' if actors > 1 else ''}"
        found = {each["unit"]: each for each in train.bench(replace(options, actors=actors))}
        rate = found["steps/s"]
        one = one or rate["value"]
        cpu = found.get("CPU-us/step", {}).get("value")
        yield figure(name, rate["value"], "steps/s", cpu_us_per_step=cpu, **rate["detail"])
        yield figure(f"{name}, efficiency", rate["value"] / (actors * one), "of one actor's rate", actors=actors)
