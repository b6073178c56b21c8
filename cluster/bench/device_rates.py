"""Rates of both learners and of inference on a device, fed from host memory as in a run, without Ray and Redis."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch

from cluster.bench.learners import random_trajectory
from cluster.bench.measure import device_name, figure, rounded, spread, wait_for
from cluster.bench.options import BenchOptions, Figure
from cluster.painter.settings import PainterSettings
from learners.discriminator_learner import DiscriminatorLearner
from learners.networks.build import build_discriminator, build_policy
from learners.networks.policy import PolicyInputs
from learners.policy_learner import PolicyLearner
from learners.precision import autocast
from learners.staging import Staging

#: Real images on the device, as many as of a small data set.
REAL_IMAGES = 10_000


def seconds_of(work: Callable[[int], Any], device: torch.device, options: BenchOptions) -> list[float]:
    """Wall seconds of one call of `work`, which gets its number, in each of several measurements."""
    repeats, least = (1, 0.0) if options.quick else (options.repeats, options.repeat_seconds)
    for call in range(3):
        work(call)
    found, call = [], 3
    for _ in range(repeats):
        wait_for(device)
        start, first = time.perf_counter(), call
        while call == first or time.perf_counter() - start < least:
            work(call)
            call += 1
        wait_for(device)
        found.append((time.perf_counter() - start) / (call - first))
    return found


def bench_policy(
    name: str, settings: PainterSettings, device: torch.device, options: BenchOptions, detail: dict[str, Any]
) -> Iterator[Figure]:
    """Yield steps per second of the policy's learner, with the shares of computing, copies and idling."""
    paint = settings.paint
    policy = build_policy(settings.policy, paint.action_spec, paint.canvas_shape, paint.num_actions)
    frozen = build_discriminator(settings.discriminator, settings.discriminator_shape)
    learner, staging = PolicyLearner(policy, frozen, settings.policy, device), Staging(device, policy.spec)
    batches = [random_trajectory(settings, seed) for seed in range(3)]

    def fetch(number: int) -> Callable[[], Any]:
        return lambda: batches[number % len(batches)]

    def copy(number: int) -> Any:
        return staging.take(number, fetch(number))

    resident = copy(0)
    staging.begin(0, fetch(0))

    def pipeline(number: int) -> None:
        trajectory, tensors = staging.take(number, fetch(number))
        staging.begin(number + 1, fetch(number + 1))
        learner.update_from(trajectory, tensors, 0.0)

    whole = seconds_of(pipeline, device, options)
    computing = statistics.median(
        seconds_of(lambda _: learner.update_from(resident[0], resident[1], 0.0), device, options)
    )
    copying = statistics.median(seconds_of(copy, device, options))
    wall, steps = statistics.median(whole), settings.system.canvases * paint.num_actions
    shares = {"compute": computing / wall, "copies": copying / wall, "idle": max(0.0, 1 - computing / wall)}
    yield figure(
        f"gpu {name}, policy learner",
        steps / wall,
        "steps/s",
        **detail,
        shares={key: rounded(value) for key, value in shares.items()},
        copies="beside computing" if staging.ring else "none: a CPU learns from the arrays",
        **spread([steps / each for each in whole]),
    )


def bench_discriminator(
    name: str, settings: PainterSettings, device: torch.device, options: BenchOptions, detail: dict[str, Any]
) -> Iterator[Figure]:
    """Yield updates per second of the discriminator's learner; real images are on the device, fakes are copied."""
    shape, count = settings.paint.canvas_shape, settings.discriminator.discriminator_batch
    network = build_discriminator(settings.discriminator, settings.discriminator_shape)
    learner = DiscriminatorLearner(network, settings.discriminator, device, settings.policy.precision)
    rng = np.random.default_rng(1)
    images = rng.integers(0, 256, (count if options.quick else REAL_IMAGES, *shape), dtype=np.uint8)
    real = torch.from_numpy(images).to(device)
    fakes = rng.integers(0, 256, (3, count, *shape), dtype=np.uint8)

    def update(number: int) -> None:
        chosen = torch.from_numpy(rng.integers(len(real), size=count)).to(device)
        learner.update(real.index_select(0, chosen), fakes[number % len(fakes)])

    rates = [1 / each for each in seconds_of(update, device, options)]
    yield figure(
        f"gpu {name}, discriminator", statistics.median(rates), "updates/s", **detail, batch=count, **spread(rates)
    )


def bench_inference(
    name: str, settings: PainterSettings, device: torch.device, options: BenchOptions, detail: dict[str, Any]
) -> Iterator[Figure]:
    """Yield steps per second of acting for many canvases at once: bytes to the device, actions back."""
    paint, spec = settings.paint, settings.paint.action_spec
    policy = build_policy(settings.policy, spec, paint.canvas_shape, paint.num_actions).to(device).eval()
    rng = np.random.default_rng(2)
    for count in (4,) if options.quick else (64, 256, 1024):
        canvases = rng.integers(0, 256, (count, *paint.canvas_shape), dtype=np.uint8)
        previous = torch.zeros(count, len(spec.components), dtype=torch.long, device=device)
        noise, state = torch.randn(count, policy.noise_size, device=device), policy.initial_state(count, device)

        @torch.inference_mode()
        def act(
            number: int, canvases: Any = canvases, previous: Any = previous, noise: Any = noise, state: Any = state
        ) -> None:
            step = torch.full((len(canvases),), number % paint.num_actions, device=device)
            inputs = PolicyInputs(torch.from_numpy(canvases).to(device), previous, step, noise)
            with autocast(settings.policy.precision, device):
                choice = policy.act(inputs, state)
            torch.cat([choice.action.float(), choice.log_prob[:, None]], 1).cpu()

        rates = [count / each for each in seconds_of(act, device, options)]
        yield figure(
            f"gpu {name}, inference of {count} canvases", statistics.median(rates), "steps/s", **detail, **spread(rates)
        )


def bench_preset(name: str, settings: PainterSettings, device: torch.device, options: BenchOptions) -> Iterator[Figure]:
    """Yield the rates of one preset."""
    detail = {
        "preset": name,
        "device": device_name(device),
        "precision": settings.policy.precision,
        "torch": torch.__version__,
        "torch_threads": torch.get_num_threads(),
    }
    for part in (bench_policy, bench_discriminator, bench_inference):
        yield from part(name, settings, device, options, detail)
