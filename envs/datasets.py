"""Data sets as arrays at the canvas size, which a painter's work is compared with."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from envs.celeba import load_celeba
from envs.data_files import DataError
from envs.image_folder import load_image_folder
from envs.mnist import load_mnist
from envs.omniglot import load_omniglot
from envs.pictures import load_pictures
from envs.resampling import resize_images

__all__ = ["NAMES", "DataError", "ImageSet", "load_dataset"]

NAMES = ("mnist", "omniglot", "celeba", "pictures")
"""Data sets known by name; anything else is a path."""


@dataclass(frozen=True)
class ImageSet:
    """A data set in memory.

    Attributes:
        images: uint8 [N, H, W, C], 0 black to 255 white, H = W = the size asked for, C 1 (gray) or 3 (RGB); N > 0.
        labels: int64 [N], class of each image, or None if the set has no classes.
        name: the name or path that it was loaded by.
        skipped: names of images that could not be read and are not in `images`.
    """

    images: npt.NDArray[np.uint8]
    labels: npt.NDArray[np.int64] | None
    name: str
    skipped: tuple[str, ...] = ()


def load_dataset(
    name_or_path: str,
    *,
    split: Literal["train", "test"] = "train",
    size: int = 64,
    channels: Literal[1, 3] = 1,
    data_dir: Path | None = None,
    cache_dir: Path | None = None,
) -> ImageSet:
    """Load a data set at the canvas size, anti-aliased.

    MNIST is turned dark on white (255 - x), like ink on the canvas, and its 28x28 digits get 2 white pixels on each
    side before they are resized from 32x32 to `size`: at 32 that is exactly the padded digit, at 16 its 2x2 average, at
    64 its smooth enlargement. Sources: see `envs.mnist`, `envs.omniglot`, `envs.celeba`. Folders and zips: see
    `envs.image_folder`. Filters: see `envs.resampling`.

    Memory: N * size^2 * channels bytes; MNIST's training set takes 61 MB at 32x32 gray and 246 MB at 64x64 gray.

    Args:
        name_or_path: one of `NAMES`, or the path of a folder or zip of images.
        split: "train" or "test" (Omniglot: other alphabets); images of a folder or zip without such subfolders are
            divided nine to one.
        size: height and width in pixels, > 0.
        channels: 1 for gray, 3 for RGB (MNIST repeats its one channel).
        data_dir: folder in which to look for a named data set first.
        cache_dir: folder that keeps fetched files; default `$IMPASTO_CACHE` or `~/.cache/impasto`.

    Raises:
        DataError: an unknown name, a missing path, nothing readable, or no source reachable; it is a ValueError.
        ValueError: `split`, `size` or `channels` out of range.

    Example:
        A folder of pictures of any size becomes squares of 32 pixels.

        >>> import tempfile
        >>> from PIL import Image
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     for shade in range(20):
        ...         Image.new("L", (40, 50), 10 * shade).save(f"{folder}/{shade:02d}.png")
        ...     pictures = load_dataset(folder, size=32)
        >>> pictures.images.shape, str(pictures.images.dtype), pictures.labels
        ((18, 32, 32, 1), 'uint8', None)
    """
    if split not in ("train", "test"):
        raise ValueError(f'split: expected "train" or "test", got {split!r}')
    if size < 1:
        raise ValueError(f"size: expected a positive number of pixels, got {size}")
    if channels not in (1, 3):
        raise ValueError(f"channels: expected 1 or 3, got {channels}")
    if name_or_path == "mnist":
        digits, labels = load_mnist(split, data_dir=data_dir, cache_dir=cache_dir)
        return ImageSet(_on_canvas(digits, size, channels), labels, name_or_path)
    if name_or_path == "omniglot":
        drawings, characters, skipped = load_omniglot(
            split, size=size, channels=channels, data_dir=data_dir, cache_dir=cache_dir
        )
        return ImageSet(drawings, characters, name_or_path, skipped)
    if name_or_path == "celeba":
        faces, skipped = load_celeba(split, size=size, channels=channels, data_dir=data_dir, cache_dir=cache_dir)
        return ImageSet(faces, None, name_or_path, skipped)
    if name_or_path == "pictures":
        return ImageSet(load_pictures(split, size=size, channels=channels), None, name_or_path)
    path = Path(name_or_path).expanduser()
    if not name_or_path or not path.exists():
        raise DataError(
            f"unknown data set {name_or_path!r}: give {', '.join(NAMES)}, or the path of a folder or zip of images"
        )
    images, skipped = load_image_folder(path, split=split, size=size, channels=channels)
    return ImageSet(images, None, name_or_path, skipped)


def _on_canvas(digits: npt.NDArray[np.uint8], size: int, channels: int) -> npt.NDArray[np.uint8]:
    """Turn digits uint8 [N, 28, 28], white on black, into uint8 [N, size, size, channels], dark on white."""
    padded = np.pad(255 - digits, ((0, 0), (2, 2), (2, 2)), constant_values=255)[..., None]
    resized = resize_images(padded, size)
    return np.repeat(resized, channels, axis=3) if channels > 1 else resized
