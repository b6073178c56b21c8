"""Every benchmark by its name. Its module is imported when it runs, so that names and help are there at once."""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Iterator

from cluster.bench.options import BenchOptions, Figure

BENCHES = {
    "canvas": "strokes per CPU-second of three brushes, and the gain from a second thread",
    "actor": "steps per CPU-second of an actor beside RLlib's own runner and an actor with one canvas",
    "inference": "steps per CPU-second of actors with a policy each, and of actors with an inference service",
    "pictures": "L2 of painted photos against strokes: agent, search alone and hill climb; takes minutes",
    "scenes": "pictures of scenes per CPU-second of one core",
    "learners": "time of one update of policy and discriminator, on the GPU if there is one",
    "replay": "canvases per second into and out of the shared replay",
    "transport": "bytes between processes, and how fast the object store carries them",
    "train": "steps per second of a whole run, with the shares of its time",
    "gpu": "all about a GPU: losses against the CPU's, learners, inference, a whole run, a training; eight minutes",
    "scale": "steps per second of a whole run with 1, 2, 4, ... actors, up to the cores there are",
    "peers": "training beside Sample Factory, RLlib's IMPALA and TorchRL, at equal work; takes minutes",
    "td3": "mean return of TD3 on Pendulum-v1 beside RLlib's SAC; takes minutes",
}
"""Name of each benchmark, which is its module's name in this package, and its line for the help."""

ONLY_NAMED = ("gpu", "scale", "peers")
"""Those that run only if they are named: they take long, and want a GPU, all cores, or packages from the network."""


def run(names: Iterable[str], options: BenchOptions) -> Iterator[Figure]:
    """Run benchmarks in turn and yield each figure when it is measured.

    Args:
        names: Of `BENCHES`, or `all` for every one; if none, all but `ONLY_NAMED`.
        options: How to measure.

    Raises:
        ValueError: an unknown name.
    """
    names = [*names] or [name for name in BENCHES if name not in ONLY_NAMED]
    chosen = [each for name in names for each in (BENCHES if name == "all" else [name])]
    for name in chosen:
        if name not in BENCHES:
            raise ValueError(f"bench: unknown {name!r}; valid are {', '.join(BENCHES)}, all")
    for name in chosen:
        yield from importlib.import_module(f"cluster.bench.{name}").bench(options)
