"""Losses of discriminators as pure functions of the scores, float32 [B], of real and fake samples."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional


def wasserstein_loss(real: Tensor, fake: Tensor) -> Tensor:
    """E[D(fake)] - E[D(real)] (Arjovsky et al. 2017), which the discriminator minimizes. Scalar."""
    return fake.mean() - real.mean()


def hinge_loss(real: Tensor, fake: Tensor) -> Tensor:
    """E[max(0, 1 - D(real))] + E[max(0, 1 + D(fake))] (Miyato et al. 2018, equation 16). Scalar."""
    return functional.relu(1 - real).mean() + functional.relu(1 + fake).mean()


def logistic_loss(real: Tensor, fake: Tensor) -> Tensor:
    """E[softplus(-D(real))] + E[softplus(D(fake))], the standard GAN loss that SPIRAL++ uses. Scalar."""
    return functional.softplus(-real).mean() + functional.softplus(fake).mean()


def centering_term(real: Tensor, fake: Tensor) -> Tensor:
    """Square of the mean score of half real, half fake samples. Scalar.

    It pulls scores to 0, which a Wasserstein loss leaves free (Ganin et al. 2018, section 3.2, regularizer R; the paper
    states neither form nor weight).
    """
    return torch.cat([real, fake]).mean().square()


def gradient_penalty(discriminator: Callable[[Tensor], Tensor], real: Tensor, fake: Tensor, mix: Tensor) -> Tensor:
    """E[(|grad D(x)| - 1)^2] at x between real and fake samples (Gulrajani et al. 2017, equation 3).

    Args:
        discriminator: maps float [B, ...] to scores [B].
        real: float32 [B, ...].
        fake: float32 [B, ...].
        mix: float32 [B], uniform in [0, 1], the weight of the real sample of each pair.

    Returns:
        Scalar, differentiable with respect to the discriminator's parameters.
    """
    weight = mix.view(-1, *(1,) * (real.ndim - 1))
    between = (weight * real + (1 - weight) * fake).detach().requires_grad_(True)
    score = discriminator(between).sum()
    (gradient,) = torch.autograd.grad(score, between, create_graph=True)
    norm: Tensor = gradient.float().flatten(1).norm(dim=1)
    return (norm - 1).square().mean()
