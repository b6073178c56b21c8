"""Training of the l-GAN, a GAN whose data are the standardized latents of real images."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize
from torch.nn.utils.parametrizations import spectral_norm

from envs.latent.networks import Generator, LatentDiscriminator
from envs.latent.parts import FrozenParts
from learners.adversarial import gradient_penalty, hinge_loss, wasserstein_loss
from learners.latent_parts.settings import PartsSettings


class BalancedRows:
    """Source of random row numbers, each class equally often.

    Args:
        rows: number of rows.
        labels: class of each row, int64 [rows]; None draws rows uniformly.
    """

    def __init__(self, rows: int, labels: Tensor | None) -> None:
        self.rows = rows
        kinds = [] if labels is None else torch.bincount(labels).nonzero()[:, 0].tolist()
        by_class = [torch.nonzero(labels == kind)[:, 0] for kind in kinds]
        self.sizes = torch.tensor([len(rows) for rows in by_class])
        self.starts = self.sizes.cumsum(0) - self.sizes
        self.sorted = torch.cat(by_class) if by_class else torch.empty(0, dtype=torch.int64)

    def draw(self, count: int) -> Tensor:
        """Random row numbers, int64 [count]."""
        if not len(self.sorted):
            return torch.randint(self.rows, (count,))
        kinds = torch.randint(len(self.sizes), (count,))
        positions = self.starts[kinds] + (torch.rand(count) * self.sizes[kinds]).long()
        return self.sorted[positions]


@torch.no_grad()
def start_from_principal_components(generator: Generator, latents: Tensor) -> None:
    """Set a fresh generator's linear map to make the Gaussian that fits latents float32 [N, L] best.

    Adversarial training takes longest to find the location and spread of the data, and a GAN that stops early is too
    narrow. From here it only has to find their shape.
    """
    values, vectors = torch.linalg.eigh(torch.cov(latents.T))
    count = min(generator.linear.in_features, len(values))
    generator.linear.weight.zero_()
    generator.linear.weight[:, :count] = (vectors * values.clamp(min=0).sqrt()).flip(1)[:, :count]
    generator.linear.bias.copy_(latents.mean(dim=0))
    parameters = dict(generator.layers[-1].named_parameters())
    parameters["weight"].mul_(0.1)
    parameters["bias"].zero_()


class Gain(nn.Module):
    """Factor of a spectrally normalized weight.

    Leaky ReLUs shrink gradients, and layers of norm 1 do not make up for it: without a gain a discriminator of four
    layers is nearly flat and hardly tells generated latents from real ones.
    """

    def __init__(self, gain: float) -> None:
        super().__init__()
        self.gain = gain

    def forward(self, weight: Tensor) -> Tensor:
        """The weight times the gain."""
        return self.gain * weight


def train_gan(parts: FrozenParts, latents: Tensor, labels: Tensor | None, settings: PartsSettings, seed: int) -> None:
    """Train generator and discriminator from fresh weights and put them into `parts`.

    The kept generator is a moving average over the training. The discriminator's spectral normalization is folded into
    its weights, and its scores of real latents set the scale of `FrozenParts.realism`.

    Args:
        parts: changed in place.
        latents: float32 [N, L], standardized.
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
    generator_adam = torch.optim.Adam(generator.parameters(), lr=rate, betas=betas, fused=True)
    rate *= settings.critic_speed
    discriminator_adam = torch.optim.Adam(discriminator.parameters(), lr=rate, betas=betas, fused=True)
    total = settings.gan_updates
    schedules = [
        torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.1, total_iters=total)
        for optimizer in (generator_adam, discriminator_adam)
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
                loss = loss + settings.gradient_penalty * gradient_penalty(discriminator, real, fake, torch.rand(batch))
            discriminator_adam.zero_grad(set_to_none=True)
            torch.autograd.backward(loss)
            discriminator_adam.step()
        discriminator.requires_grad_(False)
        torch.autograd.backward(-discriminator(generator(torch.randn(batch, shape.z))).mean())
        discriminator.requires_grad_(True)
        generator_adam.step()
        generator_adam.zero_grad(set_to_none=True)
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
def class_shares(parts: FrozenParts, samples: int, seed: int) -> Tensor:
    """Shares float32 [K] of prior samples that the classifier assigns to each class with probability above 0.9."""
    if not parts.shape.classes:
        return torch.zeros(0)
    prior = torch.randn(samples, parts.shape.z, generator=torch.Generator().manual_seed(seed))
    found = [parts.probabilities(parts.decode(parts.generator(z))) for z in torch.split(prior, 1000)]
    probabilities = torch.cat(found)
    best, kind = probabilities.max(dim=1)
    return torch.bincount(kind[best > 0.9], minlength=parts.shape.classes) / samples
