"""A cheap measure of how far paintings are from the data, for any data set, to tell the best checkpoint."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cluster.evaluation import pixel_features
from cluster.frechet import frechet_distance
from cluster.settings import RunSettings
from envs.datasets import load_dataset


class PixelQuality:
    """Frechet distance of 8x8 pooled pixels between paintings and training images; 0 for the same distribution.

    Attributes:
        count: paintings that it wants, and real images that it compares them with.
    """

    def __init__(self, settings: RunSettings, count: int = 512) -> None:
        self.count = count
        size, _, channels = settings.paint.canvas_shape
        system = settings.system
        images = load_dataset(
            system.data,
            size=size,
            channels=3 if channels == 3 else 1,
            data_dir=Path(system.data_dir) if system.data_dir else None,
        ).images
        chosen = np.random.default_rng(0).permutation(len(images))[:count]
        self.real = pixel_features(images[chosen])

    def distance(self, paintings: NDArray[np.uint8]) -> float:
        """The distance for uint8 [N, H, W, C] paintings at the observed size."""
        return frechet_distance(pixel_features(paintings), self.real)
