"""Networks of the latent world: auto-encoder, GAN on its latents, reward classifier.

They live beside the world that is made of them; `learners.latent_parts` trains them. None has batch normalisation: a
part left in training mode would then give other answers than the same part in evaluation mode.
"""

from __future__ import annotations

import math
from itertools import pairwise

import torch
from torch import Tensor, nn

#: Convolutions halve the image until neither side exceeds this.
SMALLEST = 8

ImageShape = tuple[int, int, int]


def mlp(sizes: tuple[int, ...], slope: float = 0.0) -> nn.Sequential:
    """Linear layers of these sizes with (leaky) ReLU between them; the last one is linear."""
    layers: list[nn.Module] = []
    for index, (inputs, outputs) in enumerate(pairwise(sizes)):
        if index:
            layers.append(nn.LeakyReLU(slope) if slope else nn.ReLU())
        layers.append(nn.Linear(inputs, outputs))
    return nn.Sequential(*layers)


class Encoder(nn.Module):
    """Image to latent. Linear layers: on small images they cost a quarter of convolutions on a CPU."""

    def __init__(self, image_shape: ImageShape, latent: int, width: int) -> None:
        super().__init__()
        self.layers = mlp((math.prod(image_shape), width, width // 2, latent))

    def forward(self, images: Tensor) -> Tensor:
        """float32 [N, C, H, W], 0 background to 1, to float32 [N, latent]."""
        latent: Tensor = self.layers(images.flatten(1))
        return latent


class Decoder(nn.Module):
    """Latent to image, the encoder's layers mirrored."""

    def __init__(self, image_shape: ImageShape, latent: int, width: int) -> None:
        super().__init__()
        height, columns, channels = image_shape
        self.layers = mlp((latent, width // 2, width, math.prod(image_shape)))
        self.size = (channels, height, columns)

    def forward(self, latent: Tensor) -> Tensor:
        """float32 [N, latent] to logits of pixels float32 [N, C, H, W]."""
        logits: Tensor = self.layers(latent)
        return logits.view(-1, *self.size)


class Classifier(nn.Module):
    """Image to class logits: convolutions of stride 2 down to 8x8 or less, doubling the width, then two linear layers.

    What the reward takes for the class shown.
    """

    def __init__(self, image_shape: ImageShape, classes: int, width: int) -> None:
        super().__init__()
        height, columns, channels = image_shape
        layers: list[nn.Module] = []
        while max(height, columns) > SMALLEST:
            layers += [nn.Conv2d(channels, width, 5, stride=2, padding=2), nn.ReLU()]
            height, columns, channels, width = (height + 1) // 2, (columns + 1) // 2, width, 2 * width
        self.convolutions = nn.Sequential(*layers)
        self.head = mlp((channels * height * columns, 64, classes))

    def forward(self, images: Tensor) -> Tensor:
        """float32 [N, C, H, W], 0 to 1, to logits float32 [N, classes]."""
        logits: Tensor = self.head(self.convolutions(images).flatten(1))
        return logits


class Generator(nn.Module):
    """Prior sample to standardised latent."""

    def __init__(self, z: int, latent: int, width: int) -> None:
        super().__init__()
        self.layers = mlp((z, width, width, width, latent), slope=0.2)

    def forward(self, z: Tensor) -> Tensor:
        """float32 [N, z], N(0, I) under the prior, to standardised latents float32 [N, latent]."""
        latent: Tensor = self.layers(z)
        return latent


class LatentDiscriminator(nn.Module):
    """Standardised latent to a score, higher for one that looks encoded from a real image."""

    def __init__(self, latent: int, width: int) -> None:
        super().__init__()
        self.layers = mlp((latent, width, width, width, 1), slope=0.2)

    def forward(self, latent: Tensor) -> Tensor:
        """float32 [N, latent] to scores float32 [N]."""
        score: Tensor = self.layers(latent)[:, 0]
        return score


def to_unit(images: Tensor) -> Tensor:
    """uint8 [N, H, W, C] to float32 [N, C, H, W] in [0, 1]."""
    return images.permute(0, 3, 1, 2).to(torch.float32).mul_(1 / 255)
