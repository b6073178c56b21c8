"""Any folder or zip of images as one array."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from envs.archives import PictureFiles, Unreadable, counted, open_pictures
from envs.data_files import DataError
from envs.decoding import Deep, decode, to_bytes
from envs.layouts import Layout, Split, lay_out

_NAMED_AT_MOST = 5


def load_image_folder(
    path: Path, *, split: Split, size: int, channels: Literal[1, 3]
) -> tuple[npt.NDArray[np.uint8], tuple[str, ...]]:
    """Read every image under a folder or in a zip, sorted by name.

    Each is turned upright (EXIF), put on white if it is transparent, cut to its center square and resized (see
    `envs.decoding`). Hidden files and files that Pillow can not read are passed over (see `envs.archives`); folders
    called `train` and `test` are the splits, or every tenth image is held out as "test" (see `envs.layouts`).

    Args:
        path: a folder or a zip file.
        split: the part to read.
        size: height and width of the result in pixels.
        channels: 1 for gray (ITU-R 601 luma), 3 for RGB.

    Returns:
        Images uint8 [N, size, size, channels], and the names of those that could not be read (one warning names them).

    Raises:
        DataError: no such path, not a folder or zip, or nothing readable in it.
    """
    with open_pictures(path) as files:
        layout = lay_out(files.names)
        warn_about(files, layout)
        images, _, skipped = read_images(files, chosen(files, layout, split), size, channels)
    return images, skipped


def load_other_images(path: Path, *, size: int, channels: Literal[1, 3]) -> npt.NDArray[np.uint8]:
    """Read the images of a folder or zip that nothing was learned from: all, or those of its folder `test`.

    Args and errors are those of `load_image_folder`.

    Returns:
        Images uint8 [N, size, size, channels].
    """
    with open_pictures(path) as files:
        layout = lay_out(files.names)
        warn_about(files, layout)
        names = sorted(layout.train + layout.test) if layout.held_out else chosen(files, layout, "test")
        return read_images(files, names, size, channels)[0]


def chosen(files: PictureFiles, layout: Layout, split: Split) -> tuple[str, ...]:
    """Names of a split's images.

    Raises:
        DataError: there are none.
    """
    names = layout.of(split)
    if not names:
        raise DataError(f"{files.path}: its {len(files.names)} images leave none for the {split} split; add images")
    return names


def warn_about(files: PictureFiles, layout: Layout) -> None:
    """Warn, in a line each, of files that are passed over and of images in neither split."""
    if files.passed_over:
        warnings.warn(
            f"{files.path}: Pillow can not read {counted(files.passed_over)}, which are passed over beside "
            f"{len(files.names)} images; convert them to JPEG or PNG to use them",
            stacklevel=3,
        )
    if layout.left_out:
        warnings.warn(
            f"{files.path}: {layout.how} are the splits; images elsewhere are left out ({len(layout.left_out)}): "
            f"{listed(layout.left_out)}",
            stacklevel=3,
        )


def read_images(
    files: PictureFiles, names: Sequence[str], size: int, channels: Literal[1, 3]
) -> tuple[npt.NDArray[np.uint8], list[str], tuple[str, ...]]:
    """Read and decode some images of an open folder or zip.

    Returns:
        Images uint8 [N, size, size, channels], their names, and the names of those that could not be read (one warning
        names them).

    Raises:
        DataError: none can be read.
    """
    images = np.empty((len(names), size, size, channels), np.uint8)
    kept: list[str] = []
    skipped: dict[str, str] = {}
    deep: dict[int, Deep] = {}
    for name in names:
        try:
            with files.open(name) as file:
                decoded = decode(file, size, channels)
        except MemoryError:
            raise
        except Exception as error:  # decoders raise almost anything on a broken file
            skipped[name] = str(error) if isinstance(error, Unreadable) else ""
            continue
        if isinstance(decoded, Deep):
            deep[len(kept)] = decoded
        else:
            images[len(kept)] = decoded
        kept.append(name)
    if not kept:
        reason = next(iter(skipped.values()))
        cause = f" ({reason})" if reason else ""
        raise DataError(
            f"{files.path}: none of its {len(names)} images can be read; check the files, {names[0]}{cause} first"
        )
    if skipped:
        warnings.warn(
            f"{files.path}: {len(skipped)} of {len(names)} images can not be read and were skipped: {listed(skipped)}",
            stacklevel=4,
        )
    scaled, note = to_bytes(list(deep.values()))
    for place, image in zip(deep, scaled, strict=True):
        images[place] = image
    if note:
        warnings.warn(f"{files.path}: of {len(kept)} images, {note}", stacklevel=4)
    return images[: len(kept)], kept, tuple(skipped)


def listed(names: Sequence[str] | dict[str, str]) -> str:
    """First names of a list, each with its reason if it has one, and the number of the others."""
    reasons = names if isinstance(names, dict) else dict.fromkeys(names, "")
    shown = [name + (f" ({reason})" if reason else "") for name, reason in reasons.items()][:_NAMED_AT_MOST]
    more = f" and {len(names) - _NAMED_AT_MOST} more" if len(names) > _NAMED_AT_MOST else ""
    return ", ".join(shown) + more
