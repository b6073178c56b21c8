"""Training of the l-GAN: a GAN whose data are the standardised latents of real images."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize
from torch.nn.utils.parametrizations import spectral_norm

from envs.latent.networks import Generator, LatentDiscriminator
from envs.latent.parts import FrozenParts
from learners.adversarial import hinge_loss, wasserstein_loss
from learners.latent_parts.settings import PartsSettings


class BalancedRows:
    """Draws row numbers, each class equally often; uniformly where there are no labels."""

    def __init__(self, rows: int, labels: Tensor | None) -> None:
        self.rows = rows
        kinds = [] if labels is None else torch.bincount(labels).nonzero()[:, 0].tolist()
        by_class = [torch.nonzero(labels == kind)[:, 0] for kind in kinds]
        self.sizes = torch.tensor([len(rows) for rows in by_class])
        self.starts = self.sizes.cumsum(0) - self.sizes
        self.sorted = torch.cat(by_class) if by_class else torch.empty(0, dtype=torch.int64)

    def draw(self, count: int) -> Tensor:
        """int64 [count]."""
        if not len(self.sorted):
            return torch.randint(self.rows, (count,))
        kinds = torch.randint(len(self.sizes), (count,))
        positions = self.starts[kinds] + (torch.rand(count) * self.sizes[kinds]).long()
        return self.sorted[positions]


@torch.no_grad()
def start_from_principal_components(generator: Generator, latents: Tensor) -> None:
    """Lets the linear map of a fresh generator make the Gaussian that fits latents float32 [N, L] best.

    From there adversarial training has shapes to find, but no longer the place and spread of the data, which takes it
    longest and where a GAN that stops early is too narrow.
    """
    values, vectors = torch.linalg.eigh(torch.cov(latents.T))
    count = min(generator.linear.in_features, len(values))
    generator.linear.weight.zero_()
    generator.linear.weight[:, :count] = (vectors * values.clamp(min=0).sqrt()).flip(1)[:, :count]
    generator.linear.bias.copy_(latents.mean(dim=0))
    last = generator.layers[-1]
    last.weight.mul_(0.1)
    last.bias.zero_()


class Gain(nn.Module):
    """Multiplies a normalised weight. Leaky ReLUs take from a gradient what every layer of norm 1 can not give back:
    without it a discriminator of four layers is nearly flat and the generator hardly told from the data."""

    def __init__(self, gain: float) -> None:
        super().__init__()
        self.gain = gain

    def forward(self, weight: Tensor) -> Tensor:
        """The weight, times the gain."""
        return self.gain * weight


def latent_gradient_penalty(discriminator: nn.Module, real: Tensor, fake: Tensor) -> Tensor:
    """E[(|grad D(x)| - 1)^2] at x between real and fake latents [B, L] (Gulrajani et al. 2017, equation 3). Scalar."""
    mix = torch.rand(len(real), 1)
    between = (mix * real + (1 - mix) * fake).requires_grad_(True)
    (gradient,) = torch.autograd.grad(discriminator(between).sum(), between, create_graph=True)
    penalty: Tensor = (gradient.norm(dim=1) - 1).square().mean()
    return penalty


def train_gan(parts: FrozenParts, latents: Tensor, labels: Tensor | None, settings: PartsSettings, seed: int) -> None:
    """Trains generator and discriminator from fresh weights and puts them into `parts`.

    The generator kept is the moving average of its weights; the discriminator's spectral normalisation is folded into
    its weights, and its scores of real latents give the scale of `FrozenParts.realism`.

    Args:
      parts: changed in place.
      latents: float32 [N, L], standardised.
      labels: int64 [N] to draw classes equally often, or None.
      settings: of the training.
      seed: of weights and draws.
    """
    torch.manual_seed(seed)
    shape = parts.shape
    hinge = settings.adversary == "hinge"
    generator = Generator(shape.z, shape.latent, shape.gan_width)
    start_from_principal_components(generator, latents)
    discriminator = LatentDiscriminator(shape.latent, shape.gan_width)
    linear = [layer for layer in discriminator.modules() if isinstance(layer, nn.Linear)]
    if hinge:
        for layer in linear:
            spectral_norm(layer)
            parametrize.register_parametrization(layer, "weight", Gain(settings.spectral_gain))
    betas = (0.5, 0.99) if hinge else (0.0, 0.9)
    rate = settings.gan_learning_rate
    steer = torch.optim.Adam(generator.parameters(), lr=rate, betas=betas, fused=True)
    judge = torch.optim.Adam(discriminator.parameters(), lr=rate * settings.critic_speed, betas=betas, fused=True)
    total = settings.gan_updates
    schedules = [
        torch.optim.lr_scheduler.LinearLR(optimiser, 1.0, 0.1, total_iters=total) for optimiser in (steer, judge)
    ]
    average = copy.deepcopy(generator).requires_grad_(False)
    rows = BalancedRows(len(latents), labels)
    batch = settings.gan_batch
    for _ in range(total):
        for _ in range(settings.critic_updates):
            real = latents[rows.draw(batch)]
            with torch.no_grad():
                fake = generator(torch.randn(batch, shape.z))
            scores = discriminator(torch.cat((real, fake)))
            loss = (hinge_loss if hinge else wasserstein_loss)(scores[:batch], scores[batch:])
            if not hinge:
                loss = loss + settings.gradient_penalty * latent_gradient_penalty(discriminator, real, fake)
            judge.zero_grad(set_to_none=True)
            torch.autograd.backward(loss)
            judge.step()
        discriminator.requires_grad_(False)
        torch.autograd.backward(-discriminator(generator(torch.randn(batch, shape.z))).mean())
        discriminator.requires_grad_(True)
        steer.step()
        steer.zero_grad(set_to_none=True)
        with torch.no_grad():
            for kept, current in zip(average.parameters(), generator.parameters(), strict=True):
                kept.lerp_(current, 1 - settings.ema)
        for schedule in schedules:
            schedule.step()
    if hinge:
        for layer in linear:
            parametrize.remove_parametrizations(layer, "weight")
    parts.generator.load_state_dict(average.state_dict())
    parts.discriminator.load_state_dict(discriminator.state_dict())
    with torch.inference_mode():
        scores = parts.discriminator(latents)
        parts.realism_mean.copy_(scores.mean())
        parts.realism_std.copy_(scores.std().clamp(min=1e-6))


@torch.inference_mode()
def class_shares(parts: FrozenParts, samples: int, seed: int, confident: float = 0.9) -> Tensor:
    """Share of prior samples that the classifier counts to each class with more than `confident`: float32 [K]."""
    if not parts.shape.classes:
        return torch.zeros(0)
    prior = torch.randn(samples, parts.shape.z, generator=torch.Generator().manual_seed(seed))
    found = [parts.probabilities(parts.decode(parts.generator(z))) for z in torch.split(prior, 1000)]
    probabilities = torch.cat(found)
    best, kind = probabilities.max(dim=1)
    return torch.bincount(kind[best > confident], minlength=parts.shape.classes) / samples
