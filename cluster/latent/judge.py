"""Judge of translations: a classifier that no reward uses, for any labeled data of up to ten classes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from cluster.errors import UserError
from cluster.evaluation.judge import CLASSES, JUDGE_SIZE, Judge, JudgeSettings, kept_judge, load_judge
from cluster.latent.translation import to_bytes
from envs.datasets import ImageSet
from envs.latent.data import LatentImages

MINIMUM_ACCURACY = 0.8
"""Accuracy that a judge of other data than MNIST must exceed on the test split; Fashion-MNIST is read to about 0.91."""


def on_paper(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Convert images to the judge's form: dark on white, 28x28 padded to 32x32 as `envs.datasets` does.

    Args:
        images: uint8 [N, H, W, C], bright on a dark background.
    """
    paper = 255 - images
    margins = [(JUDGE_SIZE - side) // 2 if 0 < JUDGE_SIZE - side <= 4 else 0 for side in paper.shape[1:3]]
    if any(margins):
        paper = np.pad(paper, ((0, 0), *((margin, margin) for margin in margins), (0, 0)), constant_values=255)
    return np.ascontiguousarray(paper)


class LatentJudge:
    """Reads classes and features of decoded images with a judge."""

    def __init__(self, judge: Judge) -> None:
        self.judge = judge

    def look(self, images: Tensor | NDArray[np.uint8]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """Return features float64 [N, 64] and the likeliest class int64 [N].

        Args:
            images: float32 [N, C, H, W] in [0, 1], or uint8 [N, H, W, C]; bright on a dark background.
        """
        pixels = to_bytes(images) if isinstance(images, Tensor) else images
        features, probabilities = self.judge.features_and_probabilities(on_paper(pixels))
        return features, probabilities.argmax(axis=1)


def latent_judge(
    train: LatentImages, test: LatentImages, *, data_dir: Path | None = None, cache_dir: Path | None = None
) -> LatentJudge:
    """Return the judge of a data set: MNIST's own, or one trained on `train` and kept in the cache.

    Raises:
        UserError: The data have no labels, or more than ten classes.
        JudgeError: Its training did not reach the accuracy.
    """
    if train.name == "mnist":
        return LatentJudge(load_judge(data_dir=data_dir, cache_dir=cache_dir))
    if train.labels is None or len(train.classes) > CLASSES:
        raise UserError(f"{train.name}: a judge needs labelled data of at most {CLASSES} classes")
    sets = [ImageSet(on_paper(data.images), data.labels, data.name) for data in (train, test)]
    settings = JudgeSettings(epochs=4, batch_size=min(128, len(train.images)), minimum_accuracy=MINIMUM_ACCURACY)
    return LatentJudge(kept_judge(sets[0], sets[1], settings, cache_dir=cache_dir))
