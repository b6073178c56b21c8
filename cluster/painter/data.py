"""Images of a run, loaded once per process."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from cluster.painter.settings import PainterSettings
from envs.data_summary import summarize
from envs.datasets import ImageSet, load_dataset
from envs.scenes.config import SceneConfig
from envs.scenes.generator import HELD_OUT_SCENES, SceneSet, load_scenes

Split = Literal["train", "test"]


def run_images(settings: PainterSettings, split: Split = "train") -> NDArray[np.uint8]:
    """Load the images that a run learns from, at the size of its observations: uint8 [N, H, W, C], read-only.

    Raises:
        ValueError: The data set can not be loaded; one line that says why.
    """
    return run_data(settings, split).images


def run_targets(settings: PainterSettings) -> NDArray[np.uint8]:
    """The images that targets are made of: uint8 [N, H, W, C], H = W = `target_size`, read-only.

    Raises:
        ValueError: they can not be had; one line that says why.
    """
    if not settings.search.candidates:
        return run_images(settings)
    channels: Literal[1, 3] = 3 if settings.paint.channels == 3 else 1
    return cached(settings.system.data, "train", settings.target_size, channels, settings.system.data_folder).images


def run_data(settings: PainterSettings, split: Split = "train") -> ImageSet:
    """Load a run's images with their labels, if they have any; the labels of scenes are the rows of `run_scenes`."""
    if settings.system.data == "scenes":
        images = run_scenes(settings, split).images
        return ImageSet(images, np.arange(len(images)), "scenes")
    size, _, channels = settings.paint.canvas_shape
    return cached(settings.system.data, split, size, 3 if channels == 3 else 1, settings.system.data_folder)


def introduce(settings: PainterSettings) -> str:
    """Summarize a run's data for its start: images by split and class.

    Raises:
        ValueError: The data set can not be loaded, or has fewer than the two images that distances between sets need.
    """
    system = settings.system
    if system.data == "scenes":
        return f"scenes: {settings.scene.training_scenes} to learn from, {HELD_OUT_SCENES} held out"
    summary = summarize(system.data, data_dir=system.data_folder)
    summary.require(train=2)
    return str(summary)


def run_scenes(settings: PainterSettings, split: Split = "train") -> SceneSet:
    """Load the scenes that a run on `scenes` learns from, or the held-out ones, with their objects."""
    config = replace(settings.scene, scene_actions=SceneConfig.scene_actions)  # which does not change the pictures
    return cached_scenes(config, split)


@lru_cache(maxsize=4)
def cached_scenes(config: SceneConfig, split: Split) -> SceneSet:
    """Load scenes, once per process."""
    found = load_scenes(split, config.training_scenes if split == "train" else None, config=config)
    found.images.setflags(write=False)
    return found


@lru_cache(maxsize=4)
def cached(data: str, split: Split, size: int, channels: Literal[1, 3], data_dir: Path | None) -> ImageSet:
    """Load a data set, once per process: a driver that learns itself needs the same images three times."""
    found = load_dataset(data, split=split, size=size, channels=channels, data_dir=data_dir)
    found.images.setflags(write=False)
    return found
