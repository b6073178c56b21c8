"""Speed of a whole run: Ray, actors, replay and both learners, as `impasto train` runs them."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from typing import Any

import ray
import torch

from cluster.bench.measure import chosen_device, device_name, figure, rounded
from cluster.bench.options import BenchOptions, Figure
from cluster.bench.processes import machine_cpu_seconds, tree_cpu_seconds
from cluster.painter.settings import PainterSettings, preset
from cluster.painter.spiral import Spiral, SpiralConfig
from cluster.training.cpus import available_cpus
from cluster.training.ray_session import start_ray


def bench_settings(options: BenchOptions) -> PainterSettings:
    """Return the preset's settings, on the chosen device, and long enough not to end while it is measured."""
    settings = preset(options.preset or "laptop").replace(data_dir=options.data_dir, minutes=24 * 60.0)
    if chosen_device(options).type == "cuda":
        settings = settings.replace(learner_gpus=1.0)
    return settings.replace(actors=options.actors) if options.actors else settings


def train_for(algorithm: Spiral, seconds: float, updates: int) -> list[dict[str, Any]]:
    """Train for `seconds`, or longer until `updates` policy updates are done; returns the iterations' metrics."""
    iterations: list[dict[str, Any]] = []
    start, first = time.perf_counter(), algorithm.policy_updates
    while time.perf_counter() - start < seconds or algorithm.policy_updates - first < updates:
        algorithm.train()  # type: ignore[no-untyped-call]
        iterations.append(algorithm.latest)
    return iterations


def bench(options: BenchOptions) -> Iterator[Figure]:
    """Start a private Ray (if none is there), warm up, measure, and stop what was started."""
    settings = bench_settings(options)
    seconds, warmup = (2.0, 0.0) if options.quick else (options.seconds, options.warmup_seconds)
    system = settings.system
    mine = not ray.is_initialized()
    start_ray(cpus=3 + system.actors + system.policy_learners + system.discriminator_learners)
    try:
        torch.set_num_threads(system.torch_threads)
        algorithm = SpiralConfig().use(settings).build_algo()
        assert isinstance(algorithm, Spiral)
        try:
            train_for(algorithm, warmup, updates=2)
            yield from measured(algorithm, seconds, {"preset": options.preset or "laptop"} | described(settings))
        finally:
            algorithm.stop()  # type: ignore[no-untyped-call]
    finally:
        if mine:
            ray.shutdown()


def described(settings: PainterSettings) -> dict[str, Any]:
    """Describe the run and the machine."""
    system = settings.system
    return {
        "data": system.data,
        "actors": system.actors,
        "canvases": system.canvases,
        "policy_learners": system.policy_learners,
        "discriminator_learners": system.discriminator_learners,
        "torch_threads": system.torch_threads,
        "device": device_name(torch.device("cuda" if system.learner_gpus else "cpu")),
        "cpus": available_cpus(),
        "torch": torch.__version__,
        "ray": ray.__version__,
    }


def measured(algorithm: Spiral, seconds: float, detail: dict[str, Any]) -> Iterator[Figure]:
    """Train for `seconds` and yield rates, shares of time and policy lag."""
    clocks: tuple[Callable[[], float | None], ...] = (tree_cpu_seconds, machine_cpu_seconds)
    before = [clock() for clock in clocks]
    steps, updates = algorithm.trained_steps, algorithm.policy_updates
    discriminator_updates = algorithm.discriminator_updates
    start = time.perf_counter()
    iterations = train_for(algorithm, seconds, updates=1)
    wall = time.perf_counter() - start
    after = [clock() for clock in clocks]
    steps, updates = algorithm.trained_steps - steps, algorithm.policy_updates - updates
    discriminator_updates = algorithm.discriminator_updates - discriminator_updates
    name = f"train {detail['preset']}"
    detail = detail | {"seconds": rounded(wall), "iterations": len(iterations)}

    rates = [each["env_steps_per_s"] for each in iterations]
    shares = {
        key.removeprefix("time/"): rounded(statistics.mean(each[key] for each in iterations))
        for key in iterations[-1]
        if key.startswith("time/")
    }
    used = [None if b is None or a is None else a - b for a, b in zip(after, before, strict=True)]
    ours, everyone = used
    processors = {} if ours is None else {"cpu_s_per_s": rounded(ours / wall)}
    if ours is not None and everyone is not None:
        # With other programs on the machine the rate is lower than it would be alone: this says by how much of it.
        processors["other_programs_cpu_s_per_s"] = rounded(max(0.0, everyone - ours) / wall)
    yield figure(
        name,
        steps / wall,
        "steps/s",
        **detail,
        median_of_iterations=rounded(statistics.median(rates)),
        lowest=rounded(min(rates)),
        highest=rounded(max(rates)),
        shares_of_time=shares,
        **processors,
    )
    yield figure(
        f"{name}, policy updates",
        updates / wall,
        "updates/s",
        **detail,
        discriminator_updates_per_s=rounded(discriminator_updates / wall),
    )
    lags = [each["lag/mean"] for each in iterations if "lag/mean" in each]
    if lags:
        largest = max(each["lag/max"] for each in iterations if "lag/max" in each)
        yield figure(f"{name}, policy lag", statistics.mean(lags), "updates", **detail, largest=largest)
    if ours is not None:
        yield figure(f"{name}, CPU time per step", 1e6 * ours / steps, "CPU-us/step", **detail)
