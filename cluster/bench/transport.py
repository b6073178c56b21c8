"""Bytes that travel between the processes of a run, and the rate at which Ray's object store carries them.

With these figures `docs/scaling.md` works out where many actors and members saturate first.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import ray
import torch

from cluster.bench.measure import figure, spread
from cluster.bench.options import BenchOptions, Figure
from cluster.painter.settings import PainterSettings, PresetName, preset
from cluster.training.ray_session import start_ray
from envs.paint import PaintVectorEnv
from learners.networks.build import build_discriminator, build_policy
from learners.networks.weights import FlatWeights


def trajectory_of(settings: PainterSettings) -> Any:
    """One batch of an actor, painted by an untrained policy."""
    from actors.rollout import Rollout

    world = PaintVectorEnv(settings.system.canvases, settings.paint)
    paint = settings.paint
    policy = build_policy(settings.policy, world.spec_actions, paint.canvas_shape, paint.num_actions)
    try:
        return Rollout(world, policy, seed=0, precision=settings.policy.precision).episodes(0, 1)
    finally:
        world.close()


def payload(value: Any) -> int:
    """Bytes of the arrays of a trajectory or of named weights."""
    parts = value.values() if isinstance(value, dict) else vars(value).values()
    return sum(part.nbytes for part in parts if isinstance(part, np.ndarray | torch.Tensor))


class Peer:
    """Another process, which puts a value into the object store or reads references."""

    def keep(self, value: Any) -> None:
        """Keep a value to put."""
        self.value = value

    def put(self) -> list[Any]:
        """Store the value; returns a list with its reference."""
        return [ray.put(self.value)]

    def read(self, references: list[Any]) -> int:
        """Read each; returns their number."""
        return len(ray.get(references))


def bench(options: BenchOptions) -> Iterator[Figure]:
    """Sizes and rates for the presets, on a private Ray (if none is there)."""
    mine = not ray.is_initialized()
    start_ray(cpus=2)
    try:
        for name in ("laptop", "paper") if options.preset is None else (options.preset,):
            yield from of_preset(name, options)
    finally:
        if mine:
            ray.shutdown()


def of_preset(name: PresetName, options: BenchOptions) -> Iterator[Figure]:
    """Bytes of a trajectory, of the weights, of a final canvas; batches a second from one process to another."""
    settings = preset(name)
    paint = settings.paint
    if options.quick:
        settings = settings.replace(canvases=2)
    trajectory = trajectory_of(settings)
    steps = trajectory.steps
    yield figure(
        f"transport {name}, trajectory",
        payload(trajectory) / steps,
        "bytes/step",
        batch=payload(trajectory),
        steps=steps,
    )
    canvas = int(np.prod(paint.canvas_shape))
    yield figure(f"transport {name}, final canvas", canvas / paint.num_actions, "bytes/step", canvas=canvas)
    world = PaintVectorEnv(1, paint)
    policy = FlatWeights.of(build_policy(settings.policy, world.spec_actions, paint.canvas_shape, paint.num_actions))
    world.close()
    discriminator = FlatWeights.of(build_discriminator(settings.discriminator, paint.canvas_shape))
    yield figure(f"transport {name}, policy weights", payload(policy), "bytes")
    yield figure(f"transport {name}, discriminator weights", payload(discriminator), "bytes")
    for what, value in (("trajectory", trajectory), ("policy weights", policy)):
        rates = rates_of(value, options)
        yield figure(
            f"transport {name}, {what} through the object store",
            statistics.median(rates) * payload(value) / 1e6,
            "MB/s",
            per_second=statistics.median(rates),
            **spread(rates),
        )


def rates_of(value: Any, options: BenchOptions) -> list[float]:
    """Transfers per second from one process to another, which stores and reads a value in turn.

    They are an actor and a learner with nothing in between.
    """
    peer: Any = ray.remote(Peer).options(num_cpus=0)
    source, target = peer.remote(), peer.remote()
    ray.get(source.keep.remote(value))

    def turn() -> None:
        ray.get(target.read.remote(ray.get(source.put.remote())))

    turn()
    repeats, seconds = (1, 1e-3) if options.quick else (options.repeats, options.repeat_seconds)
    rates = []
    for _ in range(repeats):
        start, count = time.perf_counter(), 0
        while time.perf_counter() - start < seconds:
            turn()
            count += 1
        rates.append(count / (time.perf_counter() - start))
    ray.kill(source)
    ray.kill(target)
    return rates
