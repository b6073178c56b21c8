"""Data of the latent world: labeled images with bright shapes on a dark ground, as their data sets publish them."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from envs.archives import open_pictures
from envs.data_files import DataError, default_cache_dir, make_cache_dir
from envs.data_summary import DataSummary, of_labels, summarize
from envs.image_folder import chosen, listed, read_images, warn_about
from envs.layouts import SPLITS, Split, lay_out
from envs.mnist import load_mnist

TORCHVISION = {"fashion-mnist": "FashionMNIST", "kmnist": "KMNIST"}
NAMES = ("mnist", *TORCHVISION)
"""Data sets known by name; anything else is a path."""


@dataclass(frozen=True)
class LatentImages:
    """A data set in memory.

    Attributes:
        images: uint8 [N, H, W, C], 0 background to 255, C 1 or 3.
        labels: int64 [N], or None.
        classes: names of the classes, in the order of the labels; empty without labels.
        name: the name or path that it was loaded by.
        inverted: true if the files have a bright ground and were turned dark.
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.int64] | None
    classes: tuple[str, ...]
    name: str
    inverted: bool = False


def load_latent_images(
    name_or_path: str,
    split: Split,
    *,
    size: int = 32,
    channels: Literal[1, 3] = 1,
    data_dir: Path | None = None,
    cache_dir: Path | None = None,
) -> LatentImages:
    """Load a data set. Those known by name keep their 28x28 gray pixels.

    Args:
        name_or_path: one of `NAMES`, or a folder or zip of images: with a folder for each class (below `train` and
            `test`, or directly), or without labels (see `envs.layouts`). Without `train` and `test`, every tenth image
            of each class is held out for "test". Gray images are turned dark if those of "train" are mostly bright.
        split: "train" or "test".
        size: height and width of a folder's images in pixels.
        channels: 1 (gray) or 3 (RGB) for a folder's images.
        data_dir: folder to look into first, see `envs.mnist.load_mnist`.
        cache_dir: folder that keeps fetched files.

    Raises:
        DataError: it can not be had; one line that says what to do.
    """
    digits = tuple(str(digit) for digit in range(10))
    if name_or_path == "mnist":
        images, labels = load_mnist(split, data_dir=data_dir, cache_dir=cache_dir)
        return LatentImages(np.array(images[..., None]), np.array(labels), digits, name_or_path)
    if name_or_path in TORCHVISION:
        images, labels = _with_torchvision(name_or_path, split, data_dir, cache_dir)
        return LatentImages(images[..., None], labels, digits, name_or_path)
    path = Path(name_or_path).expanduser()
    if not name_or_path or not path.exists():
        raise DataError(
            f"unknown data set {name_or_path!r}: give {', '.join(NAMES)}, or the path of a folder of images"
        )
    return _folder(path, split, size, channels)


def summarize_latent(name_or_path: str, *, data_dir: Path | None = None, cache_dir: Path | None = None) -> DataSummary:
    """Count the pictures of a data set by split and class; arguments as of `load_latent_images`.

    Raises:
        DataError: it can not be had.
    """
    if name_or_path not in TORCHVISION:
        return summarize(name_or_path, by_class=True, data_dir=data_dir, cache_dir=cache_dir)
    train, test = (_with_torchvision(name_or_path, split, data_dir, cache_dir)[1] for split in SPLITS)
    return of_labels(name_or_path, train, test, [str(digit) for digit in range(10)])


def _with_torchvision(
    name: str, split: Split, data_dir: Path | None, cache_dir: Path | None
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Load a data set in torchvision's layout from `data_dir` or the cache; else fetch it into the cache."""
    from envs.torchvision_compat import import_torchvision

    import_torchvision()
    from torchvision import datasets

    kind = getattr(datasets, TORCHVISION[name])
    cache = (cache_dir if cache_dir is not None else default_cache_dir()) / name
    for folder in (data_dir, cache):
        if folder is not None:
            try:
                found = kind(str(folder), train=split == "train", download=False)
            except (RuntimeError, OSError):  # absent there
                continue
            return found.data.numpy(), found.targets.numpy().astype(np.int64)
    make_cache_dir(cache)
    try:
        found = kind(str(cache), train=split == "train", download=True)
    except (RuntimeError, OSError, EOFError, ValueError) as error:
        reason = " ".join(str(error).split())[:120]
        raise DataError(
            f"{name} can not be fetched ({reason}): put its IDX files into FOLDER/{TORCHVISION[name]}/raw "
            "and give --data-dir FOLDER"
        ) from None
    return found.data.numpy(), found.targets.numpy().astype(np.int64)


def _folder(path: Path, split: Split, size: int, channels: Literal[1, 3]) -> LatentImages:
    """Load a folder, turned dark if its training images are mostly bright; these decide for both splits."""
    found = _as_stored(path, split, size, channels)
    deciding = found
    if split != "train" and channels == 1:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # unreadable files were named when they were to be learned from
            deciding = _as_stored(path, "train", size, channels)
    return replace(found, images=255 - found.images, inverted=True) if _bright_ground(deciding.images) else found


def _as_stored(path: Path, split: Split, size: int, channels: Literal[1, 3]) -> LatentImages:
    """Load a folder or zip with a folder for each class, or images without labels."""
    with open_pictures(path) as files:
        layout = lay_out(files.names, by_class=True)
        warn_about(files, layout)
        if layout.unclassed:
            warnings.warn(
                f"{path}: images beside its folders, so the folders are no classes; "
                f"move them into a folder to have classes: {listed(layout.unclassed)}",
                stacklevel=4,
            )
        if missing := sorted(set(layout.class_names) - set(layout.count(split))):
            raise DataError(
                f"{path}: no images of class {missing[0]} for the {split} split ({layout.how}); "
                "every class needs one in train and in test"
            )
        images, kept, _ = read_images(files, chosen(files, layout, split), size, channels)
    if not layout.class_names:
        return LatentImages(images, None, (), str(path))
    number = {name: index for index, name in enumerate(layout.class_names)}
    labels = np.array([number[layout.classes[name]] for name in kept], np.int64)
    return LatentImages(images, labels, layout.class_names, str(path))


def _bright_ground(images: NDArray[np.uint8]) -> bool:
    """True if gray images are mostly bright, such as ink on paper."""
    return images.shape[3] == 1 and bool(images.mean() > 127.5)
