"""Omniglot's drawings of characters (Lake et al. 2015), 105x105, black on white, divided by alphabet.

Any of the official zips serves: `images_background.zip` (30 alphabets), `images_evaluation.zip` (20 others), and the
reduced `images_background_small1.zip` and `images_background_small2.zip` (5 each); or the folders that they unpack to.
"""

from collections.abc import Callable, Sequence
from pathlib import Path, PurePosixPath
from typing import Literal

import numpy as np
import numpy.typing as npt

from envs.archives import open_pictures
from envs.data_files import DataError
from envs.image_folder import read_images
from envs.layouts import Split
from envs.named_images import find_or_fetch

_BACKGROUND = ("images_background", "images_background_small1", "images_background_small2")
_EVALUATION = "images_evaluation"
_FOLDERS = ("omniglot", "omniglot-py", ".")
_HOLD_OUT_EVERY = 5


def load_omniglot(
    split: Split,
    *,
    size: int,
    channels: Literal[1, 3],
    data_dir: Path | None = None,
    cache_dir: Path | None = None,
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64], tuple[str, ...]]:
    """Load the drawings of one split; no alphabet is in both.

    If the evaluation set is there, it is "test" and the background set "train", as published. With a background set
    alone, every fifth alphabet by name is held out as "test".

    Args:
        split: the part to load.
        size: height and width of the result in pixels.
        channels: 1 for gray, 3 for RGB; see `envs.image_folder`.
        data_dir: folder to look into first, itself and its `omniglot/` and `omniglot-py/` (torchvision's layout).
        cache_dir: folder that keeps fetched files.

    Returns:
        Images uint8 [N, size, size, channels]; labels int64 [N], the character, numbered within the split; names of
        images that could not be read.

    Raises:
        DataError: nothing found and no source reachable, or nothing readable.
    """
    path, keep = omniglot_files(split, data_dir=data_dir, cache_dir=cache_dir)
    with open_pictures(path) as files:
        images, kept, skipped = read_images(files, keep(files.names), size, channels)
    characters = [PurePosixPath(name).parent for name in kept]
    number = {character: index for index, character in enumerate(sorted(set(characters)))}
    return images, np.array([number[character] for character in characters], np.int64), skipped


def omniglot_files(
    split: Split, *, data_dir: Path | None = None, cache_dir: Path | None = None
) -> tuple[Path, Callable[[Sequence[str]], list[str]]]:
    """Find the folder or zip of a split, and a function that keeps the names of its drawings.

    Raises:
        DataError: nothing found and no source reachable; the function raises it if the split gets no alphabet.
    """
    sets = find_or_fetch(
        "Omniglot",
        _find,
        dataset="Omniglot",
        parts=[{"background": True}, {"background": False}],
        advice="put images_background.zip or images_background_small1.zip into a folder and name it with --data-dir",
        data_dir=data_dir,
        cache_dir=cache_dir,
    )
    evaluation = [path for path in sets if path.name.startswith(_EVALUATION)]
    background = [path for path in sets if path not in evaluation]
    found = evaluation if split == "test" and evaluation else background
    if not found:
        raise DataError(f"{sets[0]}: the background set, which is learned from, is missing; add images_background.zip")

    def keep(names: Sequence[str]) -> list[str]:
        if evaluation:
            return list(names)
        alphabets = sorted({_alphabet(name) for name in names})
        held_out = set(alphabets[_HOLD_OUT_EVERY - 1 :: _HOLD_OUT_EVERY])
        kept = [name for name in names if (_alphabet(name) in held_out) == (split == "test")]
        if not kept:
            raise DataError(f"{found[0]}: its {len(alphabets)} alphabets leave none for the {split} split; add some")
        return kept

    return found[0], keep


def _alphabet(name: str) -> str:
    """Alphabet of a drawing: `Greek` of `images_background/Greek/character01/0001_01.png`."""
    parts = PurePosixPath(name).parts
    return parts[-3] if len(parts) >= 3 else ""


def _find(folder: Path) -> list[Path]:
    """Paths of the evaluation set, if it is there, and of the fullest background set."""
    found = []
    for names in ((_EVALUATION,), _BACKGROUND):
        paths = [folder / sub / name for name in names for sub in _FOLDERS]
        present = [each for path in paths for each in (path, path.with_suffix(".zip")) if each.exists()]
        found += present[:1]
    return found
