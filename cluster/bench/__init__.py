"""The benchmarks behind ``impasto bench``: each measures one part and yields its figures.

A figure is ``{"figure": name, "value": number, "unit": unit, "detail": {...}}``. Rates "per CPU-second" count the
processor time of this process, so that they hold on a machine that is busy with other things too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

Figure = dict[str, Any]


@dataclass(frozen=True)
class BenchOptions:
    """How to measure.

    Attributes:
        repeats: measurements of each figure; their median is the value. More are steadier and take longer.
        repeat_seconds: CPU-seconds that one measurement of a rate goes on for, at least.
        seconds: wall seconds over which ``train`` measures.
        warmup_seconds: wall seconds that ``train`` trains before it measures.
        preset: ``laptop`` or ``paper``. Without it ``actor`` and ``learners`` measure both, ``train`` the laptop's.
        actors: Ray actors that paint in ``train``; 0 takes the preset's. More keep a faster learner fed.
        data_dir: folder with data sets that are there already (torchvision's layout), for ``train``.
        quick: everything tiny, to see that it runs; the figures mean nothing.
    """

    repeats: int = 5
    repeat_seconds: float = 1.0
    seconds: float = 60.0
    warmup_seconds: float = 20.0
    preset: Literal["laptop", "paper"] | None = None
    actors: int = 0
    data_dir: str = ""
    quick: bool = False

    def __post_init__(self) -> None:
        if self.repeats < 1:
            raise ValueError(f"repeats: expected at least 1, got {self.repeats}")
        for name in ("repeat_seconds", "seconds"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name}: expected more than 0 seconds, got {getattr(self, name)}")
        for name in ("warmup_seconds", "actors"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name}: expected 0 or more, got {getattr(self, name)}")


# Functions that import what they measure when they are called: the command line wants names and help at once.


def canvas(options: BenchOptions) -> Iterable[Figure]:
    """Strokes per CPU-second of three brushes, and what a second thread gains."""
    from cluster.bench.canvas import bench

    return bench(options)


def actor(options: BenchOptions) -> Iterable[Figure]:
    """Steps per CPU-second of our actor beside RLlib's own runner and an actor with one canvas."""
    from cluster.bench.actor import bench

    return bench(options)


def scenes(options: BenchOptions) -> Iterable[Figure]:
    """Pictures of scenes per CPU-second of one core."""
    from cluster.bench.scenes import bench

    return bench(options)


def learners(options: BenchOptions) -> Iterable[Figure]:
    """Time of one update of policy and discriminator, on the GPU if there is one."""
    from cluster.bench.learners import bench

    return bench(options)


def replay(options: BenchOptions) -> Iterable[Figure]:
    """Canvases per second into and out of the shared replay."""
    from cluster.bench.replay import bench

    rows = bench(calls=10, repeats=1) if options.quick else bench()
    return ({"detail": {"batch": 64, "server": "Redis on loopback"}} | row for row in rows)


def train(options: BenchOptions) -> Iterable[Figure]:
    """Steps per second of a whole run, with the shares of its time."""
    from cluster.bench.train import bench

    return bench(options)


def transport(options: BenchOptions) -> Iterable[Figure]:
    """Bytes that travel between processes, and how fast the object store carries them."""
    from cluster.bench.transport import bench

    return bench(options)


def td3(options: BenchOptions) -> Iterable[Figure]:
    """Mean return of our TD3 on Pendulum-v1 beside RLlib's SAC: minutes."""
    from cluster.bench.td3 import bench

    return bench(options)


BENCHES: dict[str, Callable[[BenchOptions], Iterable[Figure]]] = {
    "canvas": canvas,
    "actor": actor,
    "scenes": scenes,
    "learners": learners,
    "replay": replay,
    "transport": transport,
    "train": train,
    "td3": td3,
}


def run(names: Iterable[str], options: BenchOptions) -> Iterator[Figure]:
    """Measure ``names`` of :data:`BENCHES` in turn (``all``: every one); figures come as they are done.

    Raises:
        ValueError: a name that there is not.
    """
    chosen = [each for name in names for each in (BENCHES if name == "all" else [name])]
    for name in chosen:
        if name not in BENCHES:
            raise ValueError(f"bench: unknown {name!r}; valid are {', '.join(BENCHES)}, all")
    for name in chosen:
        yield from BENCHES[name](options)
