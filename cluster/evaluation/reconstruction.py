"""Distances between paintings and the targets that they reproduce."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from cluster.evaluation.judge import CHUNK, Judge, judge_view


def measure_reconstruction(
    painted: NDArray[np.uint8],
    target: NDArray[np.uint8],
    judge: Judge | None = None,
    label: NDArray[np.int64] | None = None,
) -> dict[str, float | None]:
    """Distances between paintings and their targets.

    Args:
        painted: uint8 [N, H, W, C].
        target: uint8 [N, H, W, C].
        judge: for the last two figures; None if no judge knows the data.
        label: int64 [N], classes of the targets that the judge knows.

    Returns:
        `l2`: mean squared difference of pixels in [0, 1], and `blank_l2`: that of a white canvas, the reading of a
        painter that does nothing; `perceptual`: `perceptual_distance`, and `judge_accuracy`: share of
        paintings that the judge takes for the target's class; None without a judge, or without labels.
    """
    result: dict[str, float | None] = {
        "l2": pixel_l2(painted, target),
        "blank_l2": pixel_l2(np.full_like(target, 255), target),
        "perceptual": None,
        "judge_accuracy": None,
    }
    if judge is not None:
        result["perceptual"] = perceptual_distance(painted, target, judge)
        if label is not None:
            _, probabilities = judge.features_and_probabilities(painted)
            result["judge_accuracy"] = float((probabilities.argmax(1) == label).mean())
    return result


def pixel_l2(paintings: NDArray[np.uint8], targets: NDArray[np.uint8]) -> float:
    """Mean squared difference of pixels in [0, 1] between uint8 [N, H, W, C] paintings and their targets."""
    total = 0.0
    for painting, target in zip(paintings, targets, strict=True):
        total += float(np.square((painting.astype(np.float32) - target) / 255).mean())
    return total / len(paintings)


@torch.no_grad()
def perceptual_distance(first: NDArray[np.uint8], second: NDArray[np.uint8], judge: Judge) -> float:
    """LPIPS's distance (Zhang et al. 2018, equation 1) in the judge's layers, all channels weighing the same.

    After each of the judge's three blocks the features of a place are scaled to unit length; squared differences are
    averaged over places, summed over channels, then summed over the blocks. 0 for equal images, at most 12.

    Args:
        first: uint8 [N, H, W, C]; brought to 32x32 gray as for the judge.
        second: uint8 [N, H, W, C].
        judge: trained on digits; in other drawings it sees lines.
    """
    total = 0.0
    for start in range(0, len(first), CHUNK):
        pairs = [judge_view(images[start : start + CHUNK]) for images in (first, second)]
        for one, other in zip(*(block_features(judge, images) for images in pairs), strict=True):
            total += float((one - other).square().sum(1).mean((1, 2)).sum())
    return total / len(first)


def block_features(judge: Judge, images: NDArray[np.uint8]) -> list[Tensor]:
    """Unit-length features float32 [N, K, h, w] after each ReLU of the judge's blocks, of uint8 [N, 32, 32, 1]."""
    hidden = 1.0 - torch.from_numpy(images).permute(0, 3, 1, 2).float() / 255
    found = []
    for layer in judge.network.convolutions:
        hidden = layer(hidden)
        if isinstance(layer, torch.nn.ReLU):
            found.append(functional.normalize(hidden, dim=1))
    return found


def as_row(figures: dict[str, Any]) -> str:
    """Figures of a reconstruction as one line of text."""
    names = {"l2": "L2", "blank_l2": "L2 of a blank canvas", "perceptual": "perceptual", "judge_accuracy": "read right"}
    return ", ".join(f"{name} {figures[key]:.4f}" for key, name in names.items() if figures[key] is not None)
