"""A tiny latent world for tests: 12x12 images of bars, whose class is the bar's place, and parts that fit them."""

import functools
from collections.abc import Callable

import numpy as np
import torch

from envs.latent.data import LatentImages
from envs.latent.parts import FrozenParts
from learners.latent_parts.settings import PartsSettings
from learners.latent_parts.train import train_on_readers, train_readers

CLASSES = 4
SIDE = 12

#: Seconds on one core; enough to tell the bars apart.
QUICK = PartsSettings(
    latent=6,
    z=3,
    encoder_width=8,
    decoder_width=64,
    classifier_width=4,
    gan_width=32,
    parts_batch=64,
    autoencoder_epochs=12,
    autoencoder_learning_rate=5e-3,
    denoise_max_sigma=0.3,
    classifier_epochs=6,
    gan_updates=600,
    gan_batch=64,
    gan_learning_rate=2e-3,
    ema=0.98,
)


def bars(count: int, seed: int, channels: int = 1) -> LatentImages:
    """Class k is an upright bar at column 3 k of random brightness, height and thickness (1 or 2 pixels)."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, CLASSES, count)
    images = np.zeros((count, SIDE, SIDE, channels), np.uint8)
    for image, label in zip(images, labels, strict=True):
        top, thickness = rng.integers(0, 4), rng.integers(1, 3)
        image[top : top + 8, 3 * label : 3 * label + thickness] = rng.integers(160, 256)
    return LatentImages(images, labels, tuple("abcd"), "bars")


def train_parts(
    data: LatentImages, settings: PartsSettings, say: Callable[[str], None] = lambda line: None
) -> FrozenParts:
    """All frozen parts from nothing."""
    readers = train_readers(data.images, data.labels, len(data.classes), settings, say)
    return train_on_readers(readers, data.images, data.labels, settings, say)


@functools.cache
def bars_parts() -> FrozenParts:
    """Parts trained on bars, once for all tests of a process."""
    torch.manual_seed(0)
    data = bars(1500, 0)
    return train_parts(data, QUICK)
