"""Summary of a data set for the start of a run: pictures by split and class, without decoding them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from envs.archives import counted, open_pictures
from envs.celeba import celeba_layout, celeba_path
from envs.data_files import DataError
from envs.layouts import SPLITS, Layout, lay_out
from envs.mnist import load_mnist
from envs.omniglot import omniglot_files
from envs.pictures import TEST_CROPS, TEST_PHOTOS, TRAINING_CROPS, TRAINING_PHOTOS, photo_paths

_CLASSES_LISTED = 12


@dataclass(frozen=True)
class DataSummary:
    """Numbers of a data set's pictures.

    Attributes:
        name: the name or path that it is loaded by.
        train: number of pictures to learn from.
        test: number of held-out pictures.
        how: the rule that divided them.
        held_out: whether every tenth picture was held out.
        classes: numbers of pictures to learn from and held out, by class; empty without classes.
        left_out: number of pictures in neither split.
        passed_over: number of files that are no readable pictures, by suffix.
    """

    name: str
    train: int
    test: int
    how: str
    held_out: bool = False
    classes: dict[str, tuple[int, int]] = field(default_factory=dict)
    left_out: int = 0
    passed_over: Counter[str] = field(default_factory=Counter)

    def __str__(self) -> str:
        """Make a line or two to print at the start of a run."""
        first = f"{self.name}: {self.train} images to learn from, {self.test} held out ({self.how})"
        if self.left_out:
            first += f"; {self.left_out} left out"
        if self.passed_over:
            first += f"; passed over {counted(self.passed_over)}"
        if not self.classes:
            return first
        if len(self.classes) <= _CLASSES_LISTED:
            listed = ", ".join(f"{name} {train} + {test}" for name, (train, test) in self.classes.items())
            return f"{first}\nclasses: {listed}"
        sizes = [sum(counts) for counts in self.classes.values()]
        return f"{first}\n{len(sizes)} classes of {min(sizes)} to {max(sizes)} images"

    def require(self, train: int, test: int = 0) -> None:
        """Check that there are enough pictures.

        Args:
            train: number of pictures to learn from that are needed.
            test: number of held-out pictures that are needed.

        Raises:
            DataError: there are fewer; one line that says how many to add.
        """
        for split, there, needed in (("train", self.train, train), ("test", self.test, test)):
            if there < needed:
                total = f"{needed}" if split == "train" or not self.held_out else f"{10 * needed} in all"
                raise DataError(
                    f"{self.name}: {there} images in the {split} split, at least {needed} are needed; give {total}"
                )


def summarize(
    name_or_path: str, *, by_class: bool = False, data_dir: Path | None = None, cache_dir: Path | None = None
) -> DataSummary:
    """Count the pictures of a data set.

    Args:
        name_or_path: one of `envs.datasets.NAMES`, or the path of a folder or zip of images.
        by_class: every tenth picture is held out of each class, as in the latent world; see `envs.layouts.lay_out`.
        data_dir: folder to look into first for a named data set.
        cache_dir: folder that keeps fetched files; default `$IMPASTO_CACHE` or `~/.cache/impasto`.

    Raises:
        DataError: the data set can not be had.
    """
    if name_or_path == "mnist":
        train, test = (load_mnist(split, data_dir=data_dir, cache_dir=cache_dir)[1] for split in SPLITS)
        return of_labels(name_or_path, train, test, [str(digit) for digit in range(10)])
    if name_or_path == "omniglot":
        kept = []
        for split in SPLITS:
            path, keep = omniglot_files(split, data_dir=data_dir, cache_dir=cache_dir)
            with open_pictures(path) as files:
                kept.append(keep(files.names))
        return DataSummary(name_or_path, len(kept[0]), len(kept[1]), "other alphabets")
    if name_or_path == "celeba":
        with open_pictures(celeba_path(data_dir, cache_dir)) as files:
            return of_layout(name_or_path, celeba_layout(files.names), files.passed_over)
    if name_or_path == "pictures":
        for photos in (TRAINING_PHOTOS, TEST_PHOTOS):
            photo_paths(photos)
        return DataSummary(name_or_path, TRAINING_CROPS, TEST_CROPS, "crops of other photos")
    with open_pictures(Path(name_or_path).expanduser()) as files:
        return of_layout(name_or_path, lay_out(files.names, by_class=by_class), files.passed_over)


def of_labels(name: str, train: NDArray[np.int64], test: NDArray[np.int64], class_names: Sequence[str]) -> DataSummary:
    """Summarize a published data set by the labels int64 [N] of its splits."""
    counts = [np.bincount(labels, minlength=len(class_names)).tolist() for labels in (train, test)]
    classes = dict(zip(class_names, zip(*counts, strict=True), strict=True))
    return DataSummary(name, len(train), len(test), "as published", classes=classes)


def of_layout(name: str, layout: Layout, passed_over: Counter[str]) -> DataSummary:
    """Summarize pictures by their layout."""
    train, test = layout.count("train"), layout.count("test")
    classes = {kind: (train[kind], test[kind]) for kind in layout.class_names}
    return DataSummary(
        name,
        len(layout.train),
        len(layout.test),
        layout.how,
        layout.held_out,
        classes,
        len(layout.left_out),
        passed_over,
    )
