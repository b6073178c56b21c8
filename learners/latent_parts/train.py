"""Training of all frozen parts, one after the other."""

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

MINIMUM_OF_EQUAL = 0.3
"""Largest share that the gate asks for, in parts of an equal share; with many classes none has 3 % of the samples."""


class GateError(ValueError):
    """A GAN that does not cover the classes."""


def train_readers(
    images: NDArray[np.uint8],
    labels: NDArray[np.int64] | None,
    classes: int,
    settings: PartsSettings,
    say: Callable[[str], None] = lambda line: None,
) -> FrozenParts:
    """Train auto-encoder and classifier, on which a GAN of any size can be put.

    Args:
        images: uint8 [N, H, W, C], 0 (background) to 255.
        labels: int64 [N] in 0 to `classes` - 1, or None.
        classes: K; 0 without labels.
        settings: of the training; only those that `settings.of_readers` keeps have an effect.
        say: called with one line of progress after each step.

    Returns:
        Parts with the smallest GAN, untrained, and without statistics of the classes.
    """
    height, width, channels = images.shape[1:]
    settings = settings.of_readers()
    pixels, kinds = _tensors(images, labels)
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
    parts.report = {"seconds": seconds}
    return parts


def train_on_readers(
    readers: FrozenParts,
    images: NDArray[np.uint8],
    labels: NDArray[np.int64] | None,
    settings: PartsSettings,
    say: Callable[[str], None] = lambda line: None,
) -> FrozenParts:
    """Train an l-GAN on the result of `train_readers`.

    Args:
        readers: made of the same images and settings.
        images: uint8 [N, H, W, C], 0 (background) to 255.
        labels: int64 [N], or None.
        settings: of the training.
        say: called with one line of progress after each step.

    Returns:
        All frozen parts.

    Raises:
        GateError: every attempt leaves a class under the required share; the message names it.
    """
    shape = readers.shape
    pixels, kinds = _tensors(images, labels)
    with torch.random.fork_rng(devices=[]):
        parts = FrozenParts(settings.shape(shape.image_shape, shape.classes))
        parts.load_state_dict({**parts.state_dict(), **{k: v for k, v in readers.state_dict().items() if _reads(k)}})
        latents = take_statistics(parts, pixels, kinds)
        start = time.perf_counter()
        shares = _gated_gan(parts, latents, kinds, settings, say)
        seconds = {**readers.report["seconds"], "gan": time.perf_counter() - start}  # type: ignore[dict-item]
    parts.report = {"seconds": seconds, "class_shares": [round(float(share), 4) for share in shares]}
    return parts


def _reads(name: str) -> bool:
    """True for the names of tensors of `FrozenParts` that belong to the readers."""
    return name.startswith(("encoder.", "decoder.", "classifier.", "latent_"))


def _tensors(images: NDArray[np.uint8], labels: NDArray[np.int64] | None) -> tuple[Tensor, Tensor | None]:
    return torch.from_numpy(images), None if labels is None else torch.from_numpy(labels)


@torch.inference_mode()
def take_statistics(parts: FrozenParts, images: Tensor, labels: Tensor | None) -> Tensor:
    """Measure each class's latents and style for `Scorer.kept`, and return the latents float32 [N, L]."""
    batches = torch.split(images, 1000)
    latents = torch.cat([parts.encode(to_unit(batch)) for batch in batches])
    styles = torch.cat([style(measure(to_unit(batch))) for batch in batches])
    kinds = torch.zeros(len(images), dtype=torch.int64) if labels is None else labels
    for kind in torch.bincount(kinds).nonzero()[:, 0].tolist():
        rows = kinds == kind
        for values, name in ((latents, "class_latent"), (styles, "class_style")):
            getattr(parts, f"{name}_mean")[kind] = values[rows].mean(dim=0)
            many = values[rows] if rows.sum() > 1 else values  # a single image has no deviation
            getattr(parts, f"{name}_std")[kind] = many.std(dim=0).clamp(min=1e-3)
    return latents


def _gated_gan(
    parts: FrozenParts, latents: Tensor, labels: Tensor | None, settings: PartsSettings, say: Callable[[str], None]
) -> Tensor:
    """Train GANs until one covers all classes, and return its class shares float32 [K]."""
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
