"""Discriminator of images like DCGAN's (Radford et al. 2016), whose score is the painter's reward."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from learners.networks.flattening import flattened


class Discriminator(nn.Module):
    """Convolutions 4x4 of stride 2 down to 4x4 pixels, doubling the width each time, then one linear score.

    There are no normalization layers, because batch statistics would break the gradient penalty's meaning for single
    samples (Gulrajani et al. 2017, section 4).

    Args:
        canvas_shape: (H, W, C) with H = W = 8, 16, 32, ...
        width: channels of the first layer.
        spectral: apply spectral normalization (Miyato et al. 2018) to every layer.

    Raises:
        ValueError: H and W are not such sizes.
    """

    def __init__(self, canvas_shape: tuple[int, int, int], width: int = 64, *, spectral: bool = False) -> None:
        super().__init__()
        height, image_width, channels = canvas_shape
        depth = (height // 4).bit_length() - 1
        if depth < 1 or height != 4 << depth or image_width != height:
            raise ValueError(f"observation_size: the discriminator expects 8, 16, 32, ..., got {height}x{image_width}")
        normalize = normalizer(spectral)
        layers: list[nn.Module] = []
        before, after = channels, width
        for _ in range(depth):
            layers += [normalize(nn.Conv2d(before, after, 4, stride=2, padding=1)), nn.LeakyReLU(0.2, inplace=True)]
            before, after = after, 2 * after
        self.convolutions = nn.Sequential(*layers)
        self.feature_size = 16 * before
        self.score = normalize(nn.Linear(self.feature_size, 1))
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, image: Tensor) -> Tensor:
        """Scores float32 [B] of images float [B, C, H, W] in [-1, 1]; higher means more like a real image."""
        return self.score_features(self.features(image))

    def features(self, image: Tensor) -> Tensor:
        """Features float [B, F] of images float [B, C, H, W]."""
        hidden: Tensor = self.convolutions(image.contiguous(memory_format=torch.channels_last))
        return flattened(hidden)

    def score_features(self, features: Tensor) -> Tensor:
        """Scores float32 [B] of features float [B, F]."""
        score: Tensor = self.score(features)[:, 0].float()
        return score


def normalizer(spectral: bool) -> Callable[[nn.Module], nn.Module]:
    """Wrapper of every layer: spectral normalization, or nothing."""
    return spectral_norm if spectral else lambda layer: layer


def to_image(canvas: Tensor) -> Tensor:
    """Canvases uint8 [B, H, W, C] as float32 [B, C, H, W] in [-1, 1]."""
    return canvas.permute(0, 3, 1, 2).float().mul_(1 / 127.5).sub_(1.0)
