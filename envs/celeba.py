"""CelebA's aligned faces (Liu et al. 2015), in the official partition. For non-commercial research use only."""

from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Literal

import numpy as np
import numpy.typing as npt

from envs.archives import open_pictures
from envs.image_folder import chosen, read_images
from envs.layouts import Layout, lay_out
from envs.named_images import find_or_fetch

_LAST_TRAIN, _LAST_VALID = 162_770, 182_637
_FOLDERS = ("celeba", ".")


def load_celeba(
    split: Literal["train", "test"],
    *,
    size: int,
    channels: Literal[1, 3],
    data_dir: Path | None = None,
    cache_dir: Path | None = None,
) -> tuple[npt.NDArray[np.uint8], tuple[str, ...]]:
    """Load the faces of one split, cut to their center square and resized.

    With the whole set, files 1 to 162 770 are "train" and those from 182 638 on "test", as published (between them is
    the validation set). A part of it that ends earlier is divided nine to one, as folders of images are.

    Args:
        split: the part to load.
        size: height and width of the result in pixels.
        channels: 1 for gray, 3 for RGB; see `envs.image_folder`.
        data_dir: folder to look into first, itself and its `celeba/` (torchvision's layout), for a folder or zip whose
            name begins with `img_align_celeba`.
        cache_dir: folder that keeps fetched files.

    Returns:
        Images uint8 [N, size, size, channels], and the names of those that could not be read.

    Raises:
        DataError: nothing found and no source reachable, or nothing readable.
    """
    with open_pictures(celeba_path(data_dir, cache_dir)) as files:
        images, _, skipped = read_images(files, chosen(files, celeba_layout(files.names), split), size, channels)
    return images, skipped


def celeba_path(data_dir: Path | None = None, cache_dir: Path | None = None) -> Path:
    """Find the folder or zip of aligned faces, or fetch it; see `load_celeba`."""
    return find_or_fetch(
        "CelebA",
        _find,
        dataset="CelebA",
        parts=[{"split": "all"}],
        advice="put img_align_celeba.zip into a folder and name it with --data-dir, or `pip install gdown`",
        data_dir=data_dir,
        cache_dir=cache_dir,
    )[0]


def celeba_layout(names: Sequence[str]) -> Layout:
    """Divide faces by the official partition if they reach its test set, else as folders of images are divided."""
    train, test = (tuple(_official(names, split)) for split in ("train", "test"))
    # Both splits or neither: mixed with another way to split, training images would be tested on.
    if not (train and test):
        return lay_out(names)
    validation = tuple(sorted({*names} - {*train} - {*test}))
    return Layout(train, test, "official partition", left_out=validation)


def _official(names: Sequence[str], split: str) -> Sequence[str]:
    """Names in the published split, by file number; empty unless all files are numbered and reach the test set."""
    stems = [PurePosixPath(name).stem for name in names]
    if not all(stem.isdigit() for stem in stems):
        return []
    numbered = [(int(stem), name) for stem, name in zip(stems, names, strict=True)]
    if max(numbered)[0] <= _LAST_VALID:
        return []
    if split == "test":
        return [name for number, name in numbered if number > _LAST_VALID]
    return [name for number, name in numbered if number <= _LAST_TRAIN]


def _find(folder: Path) -> list[Path]:
    """Folders and zips of aligned faces; a folder (already unpacked) first."""
    found = [path for sub in _FOLDERS if (folder / sub).is_dir() for path in (folder / sub).glob("img_align_celeba*")]
    return sorted((path for path in found if path.is_dir() or path.suffix == ".zip"), key=lambda p: (p.is_file(), p))
