"""A run's images, loaded once in a process."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from cluster.settings import RunSettings
from envs.datasets import ImageSet, load_dataset

Split = Literal["train", "test"]


def run_images(settings: RunSettings, split: Split = "train") -> NDArray[np.uint8]:
    """The data set that a run learns from, at the size that its networks see: uint8 [N, H, W, C], read-only.

    Raises:
        ValueError: it can not be had; one line that says why.
    """
    return run_data(settings, split).images


def run_data(settings: RunSettings, split: Split = "train") -> ImageSet:
    """The same with its labels, if it has any."""
    size, _, channels = settings.paint.canvas_shape
    return cached(settings.system.data, split, size, 3 if channels == 3 else 1, settings.system.data_dir)


@lru_cache(maxsize=4)
def cached(data: str, split: Split, size: int, channels: Literal[1, 3], data_dir: str) -> ImageSet:
    """:func:`envs.datasets.load_dataset`, remembered: a driver that learns itself wants the same images three times."""
    found = load_dataset(data, split=split, size=size, channels=channels, data_dir=Path(data_dir) if data_dir else None)
    found.images.setflags(write=False)
    return found
