"""Training of the auto-encoder and of the reward's classifier."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

import torch
from torch import Tensor, nn
from torch.nn import functional

from envs.latent.networks import to_unit
from envs.latent.parts import FrozenParts
from learners.latent_parts.settings import PartsSettings

SHORTEST = 6
"""Updates of the shortest schedule: one whose rise takes a single update divides by zero."""


def noisy(images: Tensor, share: float, max_sigma: float) -> Tensor:
    """Gaussian noise on a share of images float32 [N, C, H, W] in [0, 1], of a deviation drawn from 0 to `max_sigma`
    for each, clipped to [0, 1]."""
    sigma = torch.rand(len(images), 1, 1, 1) * max_sigma * (torch.rand(len(images), 1, 1, 1) < share)
    return (images + sigma * torch.randn_like(images)).clamp_(0, 1)


def fit(
    parameters: Iterable[nn.Parameter],
    loss_of: Callable[[Tensor], Tensor],
    rows: int,
    *,
    epochs: int,
    batch: int,
    learning_rate: float,
) -> float:
    """Adam over random batches of row numbers int64 [B], one-cycle schedule; returns the last epoch's mean loss."""
    batch = min(batch, rows)
    batches = rows // batch
    optimiser = torch.optim.Adam(list(parameters), lr=learning_rate, betas=(0.9, 0.99), fused=True)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, learning_rate, total_steps=max(SHORTEST, epochs * batches), pct_start=0.2, cycle_momentum=False
    )
    total = 0.0
    for _ in range(epochs):
        order = torch.randperm(rows)
        total = 0.0
        for chosen in torch.split(order[: batches * batch], batch):
            loss = loss_of(chosen)
            optimiser.zero_grad(set_to_none=True)
            torch.autograd.backward(loss)
            optimiser.step()
            schedule.step()
            total += loss.item()
    return total / batches


def train_autoencoder(parts: FrozenParts, images: Tensor, labels: Tensor | None, settings: PartsSettings) -> float:
    """Trains encoder and decoder to show the clean image of a noisy one (Vincent et al. 2008).

    Args:
      parts: changed in place; the latents' mean and deviation are measured afterwards.
      images: uint8 [N, H, W, C], 0 background to 255.
      labels: int64 [N], or None; see `PartsSettings.label_weight`.
      settings: of the training.

    Returns:
      The loss per pixel, mean of the last epoch: binary cross-entropy, and the labels' share.
    """
    modules = nn.ModuleList((parts.encoder, parts.decoder)).requires_grad_(True)
    head = nn.Linear(parts.shape.latent, max(parts.shape.classes, 1))
    weight = settings.label_weight / math.prod(parts.shape.image_shape)
    guided = labels if weight else None

    def loss_of(rows: Tensor) -> Tensor:
        clean = to_unit(images[rows])
        seen = noisy(clean, settings.denoise, settings.denoise_max_sigma)
        latent = parts.encoder(seen)
        loss = functional.binary_cross_entropy_with_logits(parts.decoder(latent), clean)
        return loss if guided is None else loss + weight * functional.cross_entropy(head(latent), guided[rows])

    loss = fit(
        [*modules.parameters(), *head.parameters()] if guided is not None else modules.parameters(),
        loss_of,
        len(images),
        epochs=settings.autoencoder_epochs,
        batch=settings.parts_batch,
        learning_rate=settings.autoencoder_learning_rate,
    )
    modules.requires_grad_(False)
    with torch.inference_mode():
        latents = torch.cat([parts.encoder(to_unit(part)) for part in torch.split(images, 1000)])
        parts.latent_mean.copy_(latents.mean(dim=0))
        parts.latent_std.copy_(latents.std(dim=0).clamp(min=1e-6))
    return loss


def train_classifier(parts: FrozenParts, images: Tensor, labels: Tensor, settings: PartsSettings) -> float:
    """Trains the reward's classifier on real images and on what the auto-encoder makes of them.

    Half of each batch is decoded, because only decoded images will ever be asked about; a little noise on pixels makes
    it harder to please by details.

    Args:
      parts: changed in place; the auto-encoder must be trained.
      images, labels: uint8 [N, H, W, C] and int64 [N].
      settings: of the training.

    Returns:
      Cross-entropy, mean of the last epoch.
    """
    classifier = parts.classifier
    if classifier is None:
        raise ValueError("classifier: the data have no labels")
    classifier.requires_grad_(True)

    def loss_of(rows: Tensor) -> Tensor:
        seen = to_unit(images[rows])
        half = len(rows) // 2
        with torch.no_grad():
            seen[:half] = parts.decode(parts.encode(seen[:half]))
        return functional.cross_entropy(classifier(noisy(seen, 0.5, 0.3)), labels[rows])

    loss = fit(
        classifier.parameters(),
        loss_of,
        len(images),
        epochs=settings.classifier_epochs,
        batch=settings.parts_batch,
        learning_rate=settings.classifier_learning_rate,
    )
    classifier.requires_grad_(False)
    return loss
