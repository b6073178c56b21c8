"""Any folder or zip of images as one array."""

import contextlib
import io
import warnings
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import Literal

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps

from envs.data_files import DataError
from envs.resampling import resize_images

SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm"})

_NAMED_AT_MOST = 5
_HOLD_OUT_EVERY = 10


def load_image_folder(
    path: Path, *, split: Literal["train", "test"], size: int, channels: Literal[1, 3]
) -> tuple[npt.NDArray[np.uint8], tuple[str, ...]]:
    """Read every image under a folder or in a zip, sorted by name.

    Each is turned upright (EXIF), put on white if it is transparent, cut to its center square and resized (see
    `envs.resampling`). Hidden files and files without an image's suffix are passed over.

    If the top folder holds `train/` and `test/`, these are the splits. Otherwise every tenth image, in the order of
    names, is held out as "test", so that a set can be judged on images that it was not trained on.

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
    with open_images(path) as (found, read):
        chosen = split_names(found, split)
        if not chosen:
            raise DataError(f"{path}: its {len(found)} images leave none for the {split} split; add images")
        images, _, skipped = read_images(path, chosen, read, size, channels)
    return images, skipped


@contextlib.contextmanager
def open_images(path: Path) -> Iterator[tuple[list[str], Callable[[str], bytes]]]:
    """Open a folder or zip: yields the names of its images, sorted, and a function that reads one.

    Raises:
        DataError: no such path, not a folder or zip, or no images in it.
    """
    if path.is_dir():
        yield _images_among(path, _folder_names(path)), lambda name: (path / name).read_bytes()
        return
    if not path.is_file():
        raise DataError(f"{path}: no such file or folder; give a folder or a zip of images")
    try:
        archive = zipfile.ZipFile(path)
    except zipfile.BadZipFile:
        raise DataError(f"{path}: neither a folder nor a readable zip file; give a folder or a zip of images") from None
    with archive:
        yield _images_among(path, archive.namelist()), archive.read


def _images_among(path: Path, names: list[str]) -> list[str]:
    found = sorted(name for name in set(names) if _is_image(name))
    if not found:
        raise DataError(f"{path}: holds no images; give a folder or a zip of PNG or JPEG files")
    return found


def _folder_names(folder: Path) -> list[str]:
    return [path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()]


def _is_image(name: str) -> bool:
    path = PurePosixPath(name)
    hidden = any(part.startswith(".") or part == "__MACOSX" for part in path.parts)
    return not hidden and not name.endswith("/") and path.suffix.lower() in SUFFIXES


def split_names(names: list[str], split: Literal["train", "test"]) -> list[str]:
    """Names of a split: those under `train/` or `test/`, or, without these, all but every tenth and every tenth."""
    tops = [PurePosixPath(name).parts[0] for name in names]
    if "train" in tops and "test" in tops:
        return [name for name, top in zip(names, tops, strict=True) if top == split]
    return [name for i, name in enumerate(names) if (i % _HOLD_OUT_EVERY == _HOLD_OUT_EVERY - 1) == (split == "test")]


def read_images(
    path: Path, chosen: list[str], read: Callable[[str], bytes], size: int, channels: Literal[1, 3]
) -> tuple[npt.NDArray[np.uint8], list[str], tuple[str, ...]]:
    """Read and decode the chosen images of an open folder or zip.

    Returns:
        Images uint8 [N, size, size, channels], their names, and the names of those that could not be read (one warning
        names them).

    Raises:
        DataError: none can be read.
    """
    images = np.empty((len(chosen), size, size, channels), np.uint8)
    skipped = []
    kept: list[str] = []
    for name in chosen:
        try:
            images[len(kept)] = _decode(read(name), size, channels)
        except MemoryError:
            raise
        except Exception:  # decoders raise almost anything on a broken file
            skipped.append(name)
        else:
            kept.append(name)
    if not kept:
        raise DataError(f"{path}: none of its {len(chosen)} images can be read; check the files, {chosen[0]} first")
    if skipped:
        more = f" and {len(skipped) - _NAMED_AT_MOST} more" if len(skipped) > _NAMED_AT_MOST else ""
        listed = ", ".join(skipped[:_NAMED_AT_MOST])
        warnings.warn(
            f"{path}: {len(skipped)} of {len(chosen)} images can not be read and were skipped: {listed}{more}",
            stacklevel=4,
        )
    return images[: len(kept)], kept, tuple(skipped)


def _decode(content: bytes, size: int, channels: Literal[1, 3]) -> npt.NDArray[np.uint8]:
    """Decode one image file to uint8 [size, size, channels]."""
    mode = "L" if channels == 1 else "RGB"
    with Image.open(io.BytesIO(content)) as opened:
        opened.draft(mode, (size, size))  # lets the JPEG decoder skip detail that the result can not show
        image: Image.Image = ImageOps.exif_transpose(opened)
        if image.mode.startswith("I"):  # 16 bits per pixel
            image = Image.fromarray((np.asarray(image) >> 8).clip(0, 255).astype(np.uint8))
        if image.has_transparency_data:
            image = image.convert("RGBA")
            image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
        pixels = np.asarray(image.convert(mode)).reshape(image.height, image.width, channels)
    side = min(image.height, image.width)
    top, left = (image.height - side) // 2, (image.width - side) // 2
    square: npt.NDArray[np.uint8] = resize_images(pixels[None, top : top + side, left : left + side], size)[0]
    return square
