"""All frozen parts, one after the other."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from envs.latent.measures import measure, style
from envs.latent.networks import to_unit
from envs.latent.parts import FrozenParts
from learners.latent_parts.gan import class_shares, train_gan
from learners.latent_parts.settings import PartsSettings
from learners.latent_parts.supervised import train_autoencoder, train_classifier

GATE_SAMPLES = 20_000

#: The gate asks for no more than this part of an equal share: of many classes none has 3 % of the samples.
MINIMUM_OF_EQUAL = 0.3


class GateError(ValueError):
    """The GAN does not cover the classes."""


def train_parts(
    images: NDArray[np.uint8],
    labels: NDArray[np.int64] | None,
    classes: int,
    settings: PartsSettings,
    say: Callable[[str], None] = lambda line: None,
) -> FrozenParts:
    """Trains all frozen parts from nothing.

    Args:
      images: uint8 [N, H, W, C], 0 background to 255.
      labels: int64 [N] in 0 to `classes` - 1, or None.
      classes: K; 0 without labels.
      settings: of the training.
      say: told, in one line each, how far it is.

    Raises:
      GateError: every GAN tried leaves a class under the share asked for; the message says which.
    """
    height, width, channels = images.shape[1:]
    pixels = torch.from_numpy(images)
    kinds = None if labels is None else torch.from_numpy(labels)
    seconds: dict[str, float] = {}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.parts_seed)
        parts = FrozenParts(settings.shape((height, width, channels), classes))
        start = time.perf_counter()
        loss = train_autoencoder(parts, pixels, kinds, settings)
        seconds["autoencoder"] = time.perf_counter() - start
        say(f"auto-encoder: {loss:.4f} nats per pixel, {seconds['autoencoder']:.0f} s")
        if kinds is not None:
            start = time.perf_counter()
            loss = train_classifier(parts, pixels, kinds, settings)
            seconds["classifier"] = time.perf_counter() - start
            say(f"classifier of the reward: cross-entropy {loss:.4f}, {seconds['classifier']:.0f} s")
        latents = take_statistics(parts, pixels, kinds)
        start = time.perf_counter()
        shares = _gated_gan(parts, latents, kinds, settings, say)
        seconds["gan"] = time.perf_counter() - start
    parts.report = {"seconds": seconds, "class_shares": [round(float(share), 4) for share in shares]}
    return parts


@torch.inference_mode()
def take_statistics(parts: FrozenParts, images: Tensor, labels: Tensor | None) -> Tensor:
    """Measures each class's latents and style for `Scorer.kept`; returns the latents float32 [N, L]."""
    batches = torch.split(images, 1000)
    latents = torch.cat([parts.encode(to_unit(batch)) for batch in batches])
    styles = torch.cat([style(measure(to_unit(batch))) for batch in batches])
    kinds = torch.zeros(len(images), dtype=torch.int64) if labels is None else labels
    for kind in torch.bincount(kinds).nonzero()[:, 0].tolist():
        rows = kinds == kind
        for values, name in ((latents, "class_latent"), (styles, "class_style")):
            getattr(parts, f"{name}_mean")[kind] = values[rows].mean(dim=0)
            many = values[rows] if rows.sum() > 1 else values  # one image alone has no deviation
            getattr(parts, f"{name}_std")[kind] = many.std(dim=0).clamp(min=1e-3)
    return latents


def _gated_gan(
    parts: FrozenParts, latents: Tensor, labels: Tensor | None, settings: PartsSettings, say: Callable[[str], None]
) -> Tensor:
    """Trains GANs until one covers all classes; returns its class shares float32 [K]."""
    problem = ""
    minimum = settings.minimum_class_share
    if parts.shape.classes:
        minimum = min(minimum, MINIMUM_OF_EQUAL / parts.shape.classes)
    for attempt in range(settings.gan_attempts):
        start = time.perf_counter()
        seed = settings.parts_seed + 1000 * attempt
        train_gan(parts, latents.clone(), labels if settings.balance else None, settings, seed)
        shares = class_shares(parts, GATE_SAMPLES, seed)
        took = time.perf_counter() - start
        if not len(shares):
            say(f"l-GAN: {took:.0f} s")
            return shares
        rarest = int(shares.argmin())
        say(f"l-GAN: class {rarest} is rarest, {shares[rarest]:.1%} confident samples, {took:.0f} s")
        if shares[rarest] >= minimum:
            return shares
        few = [f"{kind} ({share:.1%})" for kind, share in enumerate(shares) if share < minimum]
        problem = ", ".join(few)
    raise GateError(
        f"the l-GAN shows too little of class {problem}: under {minimum:.1%} of confident samples "
        f"after {settings.gan_attempts} attempts; give it more --gan-updates or another --parts-seed"
    )
