"""Losses of the discriminator as pure functions of scores float32 [B]."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional


def wasserstein_loss(real: Tensor, fake: Tensor) -> Tensor:
    """E[D(fake)] - E[D(real)] (Arjovsky et al. 2017); minimised by the discriminator. Scalar."""
    return fake.mean() - real.mean()


def hinge_loss(real: Tensor, fake: Tensor) -> Tensor:
    """E[max(0, 1 - D(real))] + E[max(0, 1 + D(fake))] (Miyato et al. 2018, equation 16). Scalar."""
    return functional.relu(1 - real).mean() + functional.relu(1 + fake).mean()


def logistic_loss(real: Tensor, fake: Tensor) -> Tensor:
    """E[softplus(-D(real))] + E[softplus(D(fake))], the standard GAN loss that SPIRAL++ uses. Scalar."""
    return functional.softplus(-real).mean() + functional.softplus(fake).mean()


def centering_term(real: Tensor, fake: Tensor) -> Tensor:
    """Square of the mean score of half real, half fake: pulls it towards 0, which a Wasserstein score alone
    leaves free (Ganin et al. 2018, section 3.2, regulariser R; form and weight are unstated). Scalar."""
    return torch.cat([real, fake]).mean().square()


def gradient_penalty(discriminator: Callable[[Tensor], Tensor], real: Tensor, fake: Tensor, mix: Tensor) -> Tensor:
    """E[(|grad D(x)| - 1)^2] at x between real and fake images (Gulrajani et al. 2017, equation 3).

    Args:
        discriminator: maps float [B, C, H, W] to scores [B].
        real, fake: float32 [B, C, H, W].
        mix: float32 [B] in [0, 1], uniform: the weight of the real image of each pair.

    Returns:
        Scalar, differentiable with respect to the discriminator's parameters.
    """
    weight = mix[:, None, None, None]
    between = (weight * real + (1 - weight) * fake).detach().requires_grad_(True)
    score = discriminator(between).sum()
    (gradient,) = torch.autograd.grad(score, between, create_graph=True)
    norm: Tensor = gradient.float().flatten(1).norm(dim=1)
    return (norm - 1).square().mean()
