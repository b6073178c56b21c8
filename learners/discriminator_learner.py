"""The discriminator's learner: real images against canvases from the shared replay."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from learners.adversarial import centering_term, gradient_penalty, hinge_loss, logistic_loss, wasserstein_loss
from learners.conditioning import discriminator_images, with_actions
from learners.networks.discriminator import Discriminator, to_image
from learners.optimization import NonFiniteLoss, ReduceGradients
from learners.precision import autocast
from learners.settings import Conditioning, DiscriminatorSettings, Precision

LOSSES = {"wgan-gp": wasserstein_loss, "hinge": hinge_loss, "logistic": logistic_loss}


class DiscriminatorLearner:
    """A discriminator and its optimiser.

    Attributes:
        discriminator: the network that learns.
        optimizer: Adam.
        updates: updates done so far.
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
        """``conditioning`` is what it sees of the records of a conditional painter; None for a free one."""
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

    def update(self, real: NDArray[np.uint8], fake: NDArray[np.uint8]) -> dict[str, float]:
        """One update from real records and as many fakes (see :mod:`learners.conditioning`); returns plain numbers.

        A joint discriminator takes the targets of the "real" records, which are paintings' like the others, for real.

        Raises:
            NonFiniteLoss: the loss or the gradient is not finite; no weight was changed.
        """
        settings = self.settings
        records = torch.from_numpy(np.concatenate([real, fake])).to(self.device)
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
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        if self.reduce_gradients:
            self.reduce_gradients(self.discriminator)
        norm = nn.utils.get_total_norm(
            [weight.grad for weight in self.discriminator.parameters() if weight.grad is not None]
        )
        if not torch.isfinite(loss + norm):
            raise NonFiniteLoss(
                f"discriminator update {self.updates + 1}: loss {loss.item():.4g}, gradient norm {norm.item():.4g}"
            )
        for group in self.optimizer.param_groups:
            group["lr"] = settings.discriminator_learning_rate
        self.optimizer.step()
        self.updates += 1
        return {
            "loss": loss.item(),
            "gradient_penalty": penalty.item(),
            "real": real_scores.mean().item(),
            "fake": fake_scores.mean().item(),
        }

    def adopt(self, settings: DiscriminatorSettings) -> None:
        """Go on under other settings of the same network; the optimiser holds the new step size from now on."""
        self.settings = settings
        for group in self.optimizer.param_groups:
            group["lr"] = settings.discriminator_learning_rate

    def counters(self) -> dict[str, Any]:
        """What a checkpoint needs besides the weights and the optimiser, as plain numbers."""
        return {"updates": self.updates}

    def set_counters(self, counters: dict[str, Any]) -> None:
        """Take back what :meth:`counters` gave."""
        self.updates = int(counters["updates"])
