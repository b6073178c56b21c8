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
"""Updates of the shortest schedule; torch divides by zero if the rise takes a single update."""


def noisy(images: Tensor, share: float, max_sigma: float) -> Tensor:
    """Images float32 [N, C, H, W] in [0, 1], a `share` of them with Gaussian noise, clipped to [0, 1].

    The standard deviation is drawn from 0 to `max_sigma` for each image.
    """
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
    """Minimize a loss with Adam and a one-cycle schedule.

    Args:
        parameters: to be fitted.
        loss_of: the loss of a batch of row numbers int64 [B].
        rows: number of rows in the data.
        epochs: passes over the data.
        batch: B, at most; a rest that fills no batch is left out.
        learning_rate: peak of the schedule.

    Returns:
        Mean loss of the last epoch.
    """
    batch = min(batch, rows)
    batches = rows // batch
    optimizer = torch.optim.Adam(list(parameters), lr=learning_rate, betas=(0.9, 0.99), fused=True)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, learning_rate, total_steps=max(SHORTEST, epochs * batches), pct_start=0.2, cycle_momentum=False
    )
    total = 0.0
    for _ in range(epochs):
        order = torch.randperm(rows)
        total = 0.0
        for chosen in torch.split(order[: batches * batch], batch):
            loss = loss_of(chosen)
            optimizer.zero_grad(set_to_none=True)
            torch.autograd.backward(loss)
            optimizer.step()
            schedule.step()
            total += loss.item()
    return total / batches


def train_autoencoder(parts: FrozenParts, images: Tensor, labels: Tensor | None, settings: PartsSettings) -> float:
    """Train encoder and decoder to show the clean image of a noisy one (Vincent et al. 2008).

    Args:
        parts: changed in place; the latents' mean and standard deviation are measured afterwards.
        images: uint8 [N, H, W, C], 0 (background) to 255.
        labels: int64 [N], or None; see `PartsSettings.label_weight`.
        settings: of the training.

    Returns:
        Mean loss per pixel of the last epoch: binary cross-entropy, and the share of the labels' loss.
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
    """Train the reward's classifier on real images and on their reconstructions.

    Half of each batch is reconstructed, because the classifier will only ever be asked about decoded images. Noise on
    the pixels makes it harder to exploit by details.

    Args:
        parts: changed in place; the auto-encoder must be trained.
        images: uint8 [N, H, W, C].
        labels: int64 [N].
        settings: of the training.

    Returns:
        Mean cross-entropy of the last epoch.

    Raises:
        ValueError: the parts have no classifier.
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
