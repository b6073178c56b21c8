"""Learner of the discriminator, from real images and records of the shared replay."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from learners.adversarial import centering_term, gradient_penalty, hinge_loss, logistic_loss, wasserstein_loss
from learners.conditioning import discriminator_images, with_actions
from learners.networks.discriminator import Discriminator, to_image
from learners.optimization import ReduceGradients, descend, read, set_learning_rate
from learners.precision import autocast
from learners.settings import Conditioning, DiscriminatorSettings, Precision
from learners.trajectory_tensors import tensor_of

LOSSES = {"wgan-gp": wasserstein_loss, "hinge": hinge_loss, "logistic": logistic_loss}


class DiscriminatorLearner:
    """A discriminator and its optimizer.

    Args:
        discriminator: the network that learns.
        settings: of the updates.
        device: of the network.
        precision: of the forward passes.
        reduce_gradients: averages gradients over several learners before the optimizer's step.
        conditioning: images that the discriminator of a conditional painter sees; None for a free painter.

    Attributes:
        optimizer: Adam.
        updates: number of updates so far.
    """

    def __init__(
        self,
        discriminator: Discriminator,
        settings: DiscriminatorSettings,
        device: torch.device,
        precision: Precision = "auto",
        reduce_gradients: ReduceGradients | None = None,
        conditioning: Conditioning | None = None,
    ) -> None:
        self.discriminator = discriminator.to(device).train()
        self.settings = settings
        self.device = device
        self.precision = precision
        self.reduce_gradients = reduce_gradients
        self.conditioning = conditioning
        self.optimizer = torch.optim.Adam(
            self.discriminator.parameters(),
            settings.discriminator_learning_rate,
            betas=settings.discriminator_betas,
            fused=True,
        )
        self.updates = 0

    def update(self, real: Tensor | NDArray[np.uint8], fake: Tensor | NDArray[np.uint8]) -> dict[str, float]:
        """Make one update.

        Args:
            real: real records uint8 [B, H, W, channels], see `learners.conditioning`. A joint discriminator is given
                records of paintings here too, and takes their targets for real.
            fake: as many records of paintings.

        Returns:
            `loss`, `gradient_penalty`, and the mean scores `real` and `fake`.

        Raises:
            NonFiniteLoss: the loss or the gradient is not finite; no weight was changed.
        """
        settings = self.settings
        records = torch.cat([self.on_device(real), self.on_device(fake)])
        parts = [discriminator_images(records[: len(real)], self.conditioning, real=True)]
        parts.append(discriminator_images(records[len(real) :], self.conditioning, real=False))
        images = to_image(torch.cat(parts))
        with autocast(self.precision, self.device):
            scores = with_actions(self.discriminator, records)(images)
        real_scores, fake_scores = scores[: len(real)], scores[len(real) :]
        loss = LOSSES[settings.adversary](real_scores, fake_scores)
        if settings.centering_weight:
            loss = loss + settings.centering_weight * centering_term(real_scores, fake_scores)
        penalty = torch.zeros((), device=self.device)
        if settings.adversary == "wgan-gp":
            real_images, fake_images = images[: len(real)], images[len(real) :]
            mix = torch.rand(len(real), device=self.device)
            with autocast(self.precision, self.device):
                score = with_actions(self.discriminator, records[len(real) :])
                penalty = gradient_penalty(score, real_images, fake_images, mix)
            loss = loss + settings.gradient_penalty_weight * penalty
        set_learning_rate(self.optimizer, settings.discriminator_learning_rate)
        name = f"discriminator update {self.updates + 1}"
        descend(loss, self.discriminator, self.optimizer, self.reduce_gradients, name)
        self.updates += 1
        return read({"loss": loss, "gradient_penalty": penalty, "real": real_scores.mean(), "fake": fake_scores.mean()})

    def on_device(self, records: Tensor | NDArray[np.uint8]) -> Tensor:
        """Records as a tensor on the learner's device."""
        if isinstance(records, Tensor):
            return records.to(self.device)
        return tensor_of(records).to(self.device)

    def adopt(self, settings: DiscriminatorSettings) -> None:
        """Use other settings of the same network from now on, the optimizer included."""
        self.settings = settings
        set_learning_rate(self.optimizer, settings.discriminator_learning_rate)

    def counters(self) -> dict[str, Any]:
        """Numbers that a checkpoint needs besides weights and optimizer."""
        return {"updates": self.updates}

    def set_counters(self, counters: dict[str, Any]) -> None:
        """Restore what `counters` returned."""
        self.updates = int(counters["updates"])
