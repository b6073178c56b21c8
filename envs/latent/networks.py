"""Networks of the latent world: auto-encoder, GAN on its latents, reward classifier.

They live beside the world that is made of them; `learners.latent_parts` trains them. None has batch normalization: a
part left in training mode would then give other answers than the same part in evaluation mode.
"""

from __future__ import annotations

import math
from itertools import pairwise

import torch
from torch import Tensor, nn

SMALLEST = 8
"""Convolutions halve the image until neither side exceeds this."""

ImageShape = tuple[int, int, int]


def mlp(sizes: tuple[int, ...], slope: float = 0.0) -> nn.Sequential:
    """Make linear layers of these sizes with (leaky) ReLU between them; the last one is linear."""
    layers: list[nn.Module] = []
    for index, (inputs, outputs) in enumerate(pairwise(sizes)):
        if index:
            layers.append(nn.LeakyReLU(slope) if slope else nn.ReLU())
        layers.append(nn.Linear(inputs, outputs))
    return nn.Sequential(*layers)


class Convolutions(nn.Module):
    """Encoder or classifier: convolutions of stride 2 to 8x8 or less, doubling the width, then two linear layers."""

    def __init__(self, image_shape: ImageShape, outputs: int, width: int, hidden: int) -> None:
        super().__init__()
        height, columns, channels = image_shape
        kernel = 5
        layers: list[nn.Module] = []
        while max(height, columns) > SMALLEST:
            layers += [nn.Conv2d(channels, width, kernel, stride=2, padding=kernel // 2), nn.ReLU()]
            height, columns, channels, width = (height + 1) // 2, (columns + 1) // 2, width, 2 * width
            kernel = 3
        self.convolutions = nn.Sequential(*layers)
        self.head = mlp((channels * height * columns, hidden, outputs))

    def forward(self, images: Tensor) -> Tensor:
        """Map images float32 [N, C, H, W], 0 background to 1, to float32 [N, outputs]."""
        found: Tensor = self.head(self.convolutions(images).flatten(1))
        return found


class Decoder(nn.Module):
    """Decoder of linear layers: on small images they cost a quarter of transposed convolutions on a CPU."""

    def __init__(self, image_shape: ImageShape, latent: int, width: int) -> None:
        super().__init__()
        height, columns, channels = image_shape
        self.layers = mlp((latent, width // 2, width, math.prod(image_shape)))
        self.size = (channels, height, columns)

    def forward(self, latent: Tensor) -> Tensor:
        """Map latents float32 [N, latent] to logits of pixels float32 [N, C, H, W]."""
        logits: Tensor = self.layers(latent)
        return logits.view(-1, *self.size)


class Generator(nn.Module):
    """Generator of latents from samples of the prior: a linear map, and two hidden layers that bend it."""

    def __init__(self, z: int, latent: int, width: int) -> None:
        super().__init__()
        self.linear = nn.Linear(z, latent)
        self.layers = mlp((z, width, width, latent), slope=0.2)

    def forward(self, z: Tensor) -> Tensor:
        """Map z float32 [N, z], N(0, I) under the prior, to standardized latents float32 [N, latent]."""
        latent: Tensor = self.linear(z) + self.layers(z)
        return latent


class LatentDiscriminator(nn.Module):
    """Discriminator of standardized latents: a score, higher for one that looks encoded from a real image."""

    def __init__(self, latent: int, width: int) -> None:
        super().__init__()
        self.layers = mlp((latent, width, width, 1), slope=0.2)

    def forward(self, latent: Tensor) -> Tensor:
        """Map latents float32 [N, latent] to scores float32 [N]."""
        score: Tensor = self.layers(latent)[:, 0]
        return score


def to_unit(images: Tensor) -> Tensor:
    """Convert images uint8 [N, H, W, C] to float32 [N, C, H, W] in [0, 1]."""
    return images.permute(0, 3, 1, 2).to(torch.float32).mul_(1 / 255)
