"""Losses of both learners on a device beside those on the CPU, at equal weights and data."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch

from cluster.bench.learners import random_trajectory
from cluster.bench.measure import figure, rounded
from cluster.bench.options import Figure
from cluster.painter.settings import PainterSettings
from learners.adversarial import gradient_penalty
from learners.discriminator_learner import LOSSES
from learners.networks.build import build_discriminator, build_policy
from learners.networks.discriminator import to_image
from learners.policy_learner import PolicyLearner
from learners.precision import autocast
from learners.settings import Precision

#: Largest difference that rounding to bfloat16 explains, for losses of about 1.
ALLOWED = 1e-2
COMPARED = ("loss", "policy_loss", "value_loss", "entropy", "score", "return")


def policy_losses(settings: PainterSettings, device: torch.device, precision: Precision) -> dict[str, float]:
    """Losses of one update of the policy."""
    settings, paint = settings.replace(precision=precision), settings.paint
    torch.manual_seed(0)
    policy = build_policy(settings.policy, paint.action_spec, paint.canvas_shape, paint.num_actions)
    discriminator = build_discriminator(settings.discriminator, settings.discriminator_shape)
    learner = PolicyLearner(policy, discriminator, settings.policy, device)
    metrics = learner.update(random_trajectory(settings), 0.0)
    return {name: metrics[name] for name in COMPARED}


def discriminator_losses(settings: PainterSettings, device: torch.device, precision: Precision) -> dict[str, float]:
    """Adversarial loss and gradient penalty of one batch; the penalty's mix is the CPU's."""
    torch.manual_seed(0)
    network = build_discriminator(settings.discriminator, settings.discriminator_shape).to(device)
    count, rng = settings.discriminator.discriminator_batch, np.random.default_rng(1)
    records = rng.integers(0, 256, (2 * count, *settings.paint.canvas_shape), dtype=np.uint8)
    images, mix = to_image(torch.from_numpy(records).to(device)), torch.rand(count).to(device)
    with autocast(precision, device):
        scores = network(images)
        loss = LOSSES[settings.discriminator.adversary](scores[:count], scores[count:])
        penalty = gradient_penalty(network, images[:count], images[count:], mix)
    return {"discriminator_loss": loss.item(), "gradient_penalty": penalty.item()}


def bench_preset(name: str, settings: PainterSettings, device: torch.device) -> Iterator[Figure]:
    """Yield the largest difference of a loss to float32 on the CPU, relative where the loss is above 1."""
    precisions: tuple[Precision, ...] = ("float32", "bfloat16")
    for precision in precisions:
        pairs: dict[str, tuple[float, float]] = {}
        for losses in (policy_losses, discriminator_losses):
            expected = losses(settings, torch.device("cpu"), "float32")
            found = losses(settings, device, precision)
            pairs |= {key: (expected[key], found[key]) for key in expected}
        differences = {key: abs(a - b) / max(1.0, abs(a)) for key, (a, b) in pairs.items()}
        largest = max(differences.values())
        yield figure(
            f"gpu {name}, largest difference of a loss to the CPU's, {precision}",
            largest,
            "of the loss",
            within=bool(largest <= ALLOWED),
            allowed=ALLOWED,
            of=max(differences, key=lambda key: differences[key]),
            cpu_and_device={key: [rounded(a), rounded(b)] for key, (a, b) in pairs.items()},
        )
