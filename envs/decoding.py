"""One image file as an array: upright, on white, cut to its center square, resized; with a bound on memory."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO, Literal

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps

from envs.archives import Unreadable
from envs.deep_color import LUMA, Box, open_deep_color
from envs.resampling import resample, resize_images

LARGEST_IMAGE = 160_000_000
"""Pixels that an image may have once decoded. JPEG files may have more, because their decoder leaves detail out."""

_WHOLE = 1 << 24
"""Pixels of an image that is converted in one piece; larger ones are averaged over blocks, strip by strip."""

_GRAY_DEPTHS = (255, 1023, 4095, 16383, 65535, 2**31 - 1)
"""Largest values of 8, 10, 12, 14, 16 and 31 bits."""

_bomb_lock = threading.Lock()


@dataclass(frozen=True)
class Deep:
    """An image with more than 8 bits a value, whose scale only the other images of its set can tell.

    Attributes:
        values: float32 [size, size, channels], resized and as stored; 1 channel of a gray image in color too.
        low: smallest value of the file's pixels.
        high: largest value of the file's pixels.
        real: the values are floating-point numbers.
    """

    values: npt.NDArray[np.float32]
    low: float
    high: float
    real: bool


def decode(file: BinaryIO, size: int, channels: Literal[1, 3]) -> npt.NDArray[np.uint8] | Deep:
    """Decode the first picture of an image file.

    It is turned upright (EXIF), put on white if it is transparent, cut to its center square and resized (see
    `envs.resampling`).

    Args:
        file: an open file; it is read, not closed.
        size: height and width of the result in pixels.
        channels: 1 for gray (ITU-R 601 luma), 3 for RGB.

    Returns:
        uint8 [size, size, channels], or the values of an image that has more than 8 bits a value.

    Raises:
        Unreadable: more pixels than `LARGEST_IMAGE`.
        Exception: whatever Pillow's decoders raise for a damaged file.
    """
    mode = "L" if channels == 1 else "RGB"
    with _open(file) as opened:
        opened.draft(mode, (size, size))  # lets the JPEG decoder skip detail that the result can not show
        _check_size(opened)
        color = open_deep_color(file, opened)
        for each in (color.high, color.low) if color else (opened,):
            ImageOps.exif_transpose(each, in_place=True)
        image: Image.Image = color.high if color else opened
        side = min(image.height, image.width)
        left, top = (image.width - side) // 2, (image.height - side) // 2
        square = (left, top, left + side, top + side)
        if color:
            values = color.values if channels == 3 else lambda box: (color.values(box) @ LUMA)[..., None]
            return _deep(values, square, size, real=False)
        if image.mode.startswith("I") or image.mode == "F":
            return _deep(lambda box: np.asarray(image.crop(box))[..., None], square, size, real=image.mode == "F")
        if side * side <= _WHOLE:
            pixels = np.asarray(_flat(image.crop(square), mode)).reshape(side, side, channels)
            small: npt.NDArray[np.uint8] = resize_images(pixels[None], size)[0]
            return small
        return _by_strips(image, square, size, mode)


def decode_whole(file: BinaryIO, size: int, mode: Literal["L", "RGB"] = "RGB", ground: str = "white") -> Image.Image:
    """Decode the first picture of an image file upright, its aspect kept.

    Args:
        file: an open file; it is read, not closed.
        size: pixels of the longer side that are wanted; a JPEG's decoder leaves out detail beyond them.
        mode: of the result, "L" for gray.
        ground: color that shows through where the picture is transparent.

    Raises:
        Unreadable: more pixels than `LARGEST_IMAGE`.
        Exception: whatever Pillow's decoders raise for a damaged file.
    """
    with _open(file) as opened:
        opened.draft(mode, (size, size))
        _check_size(opened)
        color = open_deep_color(file, opened)
        for each in (color.high, color.low) if color else (opened,):
            ImageOps.exif_transpose(each, in_place=True)
        if color:
            whole = color.values((0, 0, *color.high.size))
            return Image.fromarray(_scaled(whole, real=False)).convert(mode)
        if opened.mode.startswith("I") or opened.mode == "F":
            return Image.fromarray(_scaled(np.asarray(opened), real=opened.mode == "F")).convert(mode)
        return _flat(opened, mode, ground)


def to_bytes(images: list[Deep]) -> tuple[list[npt.NDArray[np.uint8]], str]:
    """Scale the deep images of one set alike.

    Whole numbers are scaled by the bits that the largest of them needs, real numbers from 0 to 1 by 255, and others by
    their range.

    Returns:
        uint8 [size, size, channels] each, and a note about the range that was taken, empty for 16-bit and for 0 to 1.
    """
    made: dict[int, npt.NDArray[np.uint8]] = {}
    notes = []
    for real in (False, True):
        group = {index: image for index, image in enumerate(images) if image.real == real}
        if not group:
            continue
        low = min(image.low for image in group.values())
        high = max(image.high for image in group.values())
        first, last = _range(low, high, real)
        if (first, last) not in ((0.0, 1.0), (0.0, 65535.0)):
            notes.append(f"{len(group)} with values from {low:g} to {high:g} are shown from {first:g} to {last:g}")
        for index, image in group.items():
            scaled = (image.values - first) * (255 / (last - first))
            made[index] = np.clip(scaled + 0.5, 0, 255).astype(np.uint8)
    return [made[index] for index in range(len(images))], "; ".join(notes)


def _scaled(values: npt.NDArray[Any], real: bool) -> npt.NDArray[np.uint8]:
    """Scale the values of one deep image to bytes."""
    known = np.nan_to_num(values.astype(np.float32))
    first, last = _range(float(known.min()), float(known.max()), real)
    scaled: npt.NDArray[np.uint8] = np.clip((known - first) * (255 / (last - first)) + 0.5, 0, 255).astype(np.uint8)
    return scaled


def _range(low: float, high: float, real: bool) -> tuple[float, float]:
    """Values that become black and white."""
    if low >= 0 and not real:
        return 0.0, float(next(depth for depth in _GRAY_DEPTHS if high <= depth))
    if low >= 0 and high <= 255:
        return 0.0, 1.0 if high <= 1 else 255.0
    return low, high if high > low else low + 1.0


@contextlib.contextmanager
def _open(file: BinaryIO) -> Iterator[Image.Image]:
    """Open an image without Pillow's own limit of pixels, which looks at the size before `draft` reduces it."""
    with _bomb_lock:
        limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
        try:
            opened = Image.open(file)
        finally:
            Image.MAX_IMAGE_PIXELS = limit
    yield opened


def _check_size(image: Image.Image) -> None:
    if image.width * image.height > LARGEST_IMAGE:
        megapixels = image.width * image.height / 1e6
        raise Unreadable(f"has {megapixels:.0f} megapixels, more than the limit of {LARGEST_IMAGE / 1e6:.0f}")


def _flat(image: Image.Image, mode: str, ground: str = "white") -> Image.Image:
    """Convert an image to gray or RGB, on a ground if it is transparent."""
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, ground), image)
    return image.convert(mode)


def _by_strips(image: Image.Image, square: tuple[int, int, int, int], size: int, mode: str) -> npt.NDArray[np.uint8]:
    """Average a large image over blocks of pixels, then resize it; only a strip of it is converted at once."""
    left, top, right, _ = square
    factor, blocks = _blocks(right - left, size)
    rows = []
    for block in range(blocks):
        above = top + block * factor
        strip = _flat(image.crop((left, above, left + blocks * factor, above + factor)), mode)
        rows.append(np.asarray(strip.reduce(factor)).reshape(blocks, -1))
    pixels = np.stack(rows).reshape(blocks, blocks, -1)
    small: npt.NDArray[np.uint8] = resize_images(pixels[None], size)[0]
    return small


def _deep(values: Callable[[Box], npt.NDArray[Any]], square: Box, size: int, *, real: bool) -> Deep:
    """Resize the square of an image with more than 8 bits a value; `values` reads a box: [height, width, channels]."""
    left, top, right, _ = square
    factor, blocks = _blocks(right - left, size) if (right - left) ** 2 > _WHOLE else (1, right - left)
    rows, lows, highs = [], [], []
    strip = factor if factor > 1 else right - left
    for above in range(top, top + blocks * factor, strip):
        part = np.nan_to_num(values((left, above, left + blocks * factor, above + strip)).astype(np.float32))
        lows.append(float(part.min()))
        highs.append(float(part.max()))
        rows.append(part.reshape(strip // factor, factor, blocks, factor, -1).mean((1, 3)))
    planes = np.moveaxis(np.concatenate(rows), 2, 0)
    return Deep(np.moveaxis(resample(planes, size), 0, 2), min(lows), max(highs), real)


def _blocks(side: int, size: int) -> tuple[int, int]:
    """Width of blocks that leave at least four for each pixel of the result, and their number along a side."""
    factor = max(1, side // max(4 * size, 1024))
    return factor, side // factor
