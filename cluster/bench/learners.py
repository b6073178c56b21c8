"""Time of one update of each learner, by precision and memory format, on the GPU if there is one."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from actors.random_play import RandomPlay
from cluster.bench.measure import chosen_device, device_name, figure, rounded, torch_threads, wait_for
from cluster.bench.options import BenchOptions, Figure
from cluster.painter.settings import PainterSettings, preset
from envs.worlds import make_world
from learners.discriminator_learner import DiscriminatorLearner
from learners.memory import keep_large_blocks
from learners.networks.build import build_discriminator, build_policy
from learners.policy_learner import PolicyLearner
from learners.precision import computes_bfloat16
from learners.settings import Precision
from learners.trajectory import Trajectory

CONVOLUTIONS = (nn.Conv2d, nn.ConvTranspose2d)


@dataclass(frozen=True)
class Variant:
    """One way to compute. Networks are built with `channels_last`; without it they get NCHW."""

    precision: Precision
    channels_last: bool = True

    def __str__(self) -> str:
        return f"{self.precision}, {'channels last' if self.channels_last else 'channels first'}"


def variants(device: torch.device) -> list[Variant]:
    """List the ways worth comparing on `device`; the last one is that of a run with precision `auto`.

    bfloat16 only where `auto` takes it: emulated, it takes several times as long.
    """
    found = [Variant("float32", channels_last=False), Variant("float32")]
    if computes_bfloat16(device):
        found += [Variant("bfloat16", channels_last=False), Variant("bfloat16")]
    return found


def random_trajectory(settings: PainterSettings, seed: int = 0) -> Trajectory:
    """Paint a batch of episodes of random actions, as many and as long as in a run.

    How long an update takes depends on the share of actions that paint, here half.
    """
    world = make_world(settings.system.canvases, settings.world)
    try:
        return RandomPlay(world, settings.policy.noise_size, seed).episodes()
    finally:
        world.close()


def channels_first(network: nn.Module) -> None:
    """Let the convolutions of `network` compute in NCHW."""
    network.to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]
    for layer in network.modules():
        if isinstance(layer, CONVOLUTIONS):
            layer.register_forward_pre_hook(lambda _, inputs: (inputs[0].contiguous(), *inputs[1:]))


def learner_updates(settings: PainterSettings, variant: Variant, device: torch.device) -> dict[str, Callable[[], Any]]:
    """Return functions that update the policy's and the discriminator's learner, fed from host memory as in a run."""
    settings = settings.replace(precision=variant.precision)
    paint = settings.paint
    policy = build_policy(settings.policy, paint.action_spec, paint.canvas_shape, paint.num_actions)
    frozen = build_discriminator(settings.discriminator, settings.discriminator_shape, settings.joint)
    discriminator = build_discriminator(settings.discriminator, settings.discriminator_shape, settings.joint)
    if not variant.channels_last:
        for network in (policy, frozen, discriminator):
            channels_first(network)
    policy_learner = PolicyLearner(policy, frozen, settings.policy, device)
    discriminator_learner = DiscriminatorLearner(discriminator, settings.discriminator, device, variant.precision)
    trajectory = random_trajectory(settings)
    real, fake = np.random.default_rng(1).integers(
        0, 256, (2, settings.discriminator.discriminator_batch, *paint.canvas_shape), dtype=np.uint8
    )
    return {
        "policy": lambda: policy_learner.update(trajectory, 0.0),
        "discriminator": lambda: discriminator_learner.update(real, fake),
    }


def update_seconds(update: Callable[[], Any], device: torch.device, repeats: int) -> tuple[list[float], float]:
    """Measure the wall seconds of `repeats` updates after a few to warm up, and the median CPU-seconds of one."""
    for _ in range(3 if device.type == "cuda" else 1):
        update()
    wall, processor = [], []
    for _ in range(repeats):
        wait_for(device)
        start, start_cpu = time.perf_counter(), time.process_time()
        update()
        wait_for(device)
        wall.append(time.perf_counter() - start)
        processor.append(time.process_time() - start_cpu)
    return wall, statistics.median(processor)


def bench(options: BenchOptions) -> Iterable[Figure]:
    """Yield the figures of the chosen preset, or of both."""
    keep_large_blocks()
    device = chosen_device(options)
    for name in [options.preset] if options.preset else ("laptop", "paper"):
        settings = preset(name)
        if options.quick:
            settings = settings.replace(canvases=8, discriminator_batch=8)
        with torch_threads(settings.system.torch_threads):
            yield from bench_preset(name, settings, device, options)


def bench_preset(name: str, settings: PainterSettings, device: torch.device, options: BenchOptions) -> Iterator[Figure]:
    """Yield milliseconds of each learner's update in each variant, and the steps per second of both together."""
    # A GPU's updates take milliseconds: there ten times as many are still quick.
    repeats = 1 if options.quick else options.repeats * (10 if device.type == "cuda" else 1)
    steps = settings.system.canvases * settings.paint.num_actions
    common = {
        "preset": name,
        "device": device_name(device),
        "torch_threads": settings.system.torch_threads,
        "torch": torch.__version__,
        "batch": f"{settings.system.canvases} episodes of {settings.paint.num_actions} actions",
        "discriminator_batch": settings.discriminator.discriminator_batch,
        "canvas": list(settings.paint.canvas_shape),
    }
    medians: dict[str, float] = {}
    for variant in variants(device):
        for learner, update in learner_updates(settings, variant, device).items():
            wall, processor = update_seconds(update, device, repeats)
            medians[learner] = statistics.median(wall)
            detail = common | {
                "precision": variant.precision,
                "channels_last": variant.channels_last,
                "cpu_ms": rounded(1e3 * processor),
                "steps_per_s": rounded(steps / medians[learner]),
                "repeats": repeats,
                "min": rounded(1e3 * min(wall)),
                "max": rounded(1e3 * max(wall)),
            }
            yield figure(f"{learner} update {name}, {variant}", 1e3 * medians[learner], "ms", **detail)
    both = medians["policy"] + settings.discriminator.discriminator_updates * medians["discriminator"]
    detail = common | {"variant": str(variant), "updates": "one of each, one after the other"}
    yield figure(f"both learners {name}", steps / both, "steps/s", **detail)
