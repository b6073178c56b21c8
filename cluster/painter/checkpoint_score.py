"""Score of a checkpoint: a cheap distance between paintings and the data, for any data set."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cluster.evaluation.frechet import frechet_distance
from cluster.evaluation.image_metrics import pixel_features
from cluster.painter.data import run_images
from cluster.painter.sampler import ON_SHEET
from cluster.painter.settings import PainterSettings

#: Paintings that a look takes at most, and the environment steps that it takes if those are more than a sheet wants.
MOST, STEPS_PER_LOOK = 512, 20_000


class PixelQuality:
    """Frechet distance of 8x8 pooled pixels between paintings and training images; 0 for the same distribution.

    Attributes:
        count: Number of paintings to measure, and of real images to compare them with.
    """

    def __init__(self, settings: PainterSettings) -> None:
        # All training waits for a look: of long episodes it takes fewer.
        self.count = count = min(MOST, max(ON_SHEET, STEPS_PER_LOOK // settings.world.num_actions))
        images = run_images(settings)
        chosen = np.random.default_rng(0).permutation(len(images))[:count]
        self.real = pixel_features(images[chosen])

    def distance(self, paintings: NDArray[np.uint8]) -> float:
        """Compute the distance of paintings, uint8 [N, H, W, C] at the observed size."""
        return frechet_distance(pixel_features(paintings), self.real)
