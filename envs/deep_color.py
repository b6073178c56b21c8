"""Color pictures of 16 bits a value, whole: Pillow reads their high bytes only."""

from __future__ import annotations

import sys
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

LUMA = np.array([0.299, 0.587, 0.114], np.float32)
"""Weights of red, green and blue in gray (ITU-R 601)."""

Box = tuple[int, int, int, int]

_SWAPPED = {"B": "L", "L": "B", "N": "B" if sys.byteorder == "little" else "L"}


class DeepColor:
    """A picture of three 16-bit channels, as two pictures of 8 bits.

    Attributes:
        high: picture of the high bytes, RGB.
        low: picture of the low bytes, RGB.
    """

    def __init__(self, high: Image.Image, low: Image.Image) -> None:
        self.high, self.low = high, low

    def values(self, box: Box) -> NDArray[np.float32]:
        """Read a part of the picture: float32 [height, width, 3], 0 to 65535."""
        values = np.asarray(self.high.crop(box)).astype(np.float32) * 256
        values += np.asarray(self.low.crop(box))
        return values


def open_deep_color(file: BinaryIO, opened: Image.Image) -> DeepColor | None:
    """Read the rest of a picture's bits.

    Pillow unpacks PNG and TIFF of 16 bits a color by "raw modes" such as `RGB;16B`, which take the high byte of each
    value. The raw mode for the other order of bytes takes the low ones.

    Args:
        file: the open file behind the picture.
        opened: the picture as opened, not decoded yet.

    Returns:
        None for other pictures, and for those that are transparent anywhere: their scale is the full one, because it is
        that of the transparency too, and the high bytes show it.
    """
    raw = _raw_mode(opened)
    color, _, order = raw.partition(";16")
    if color not in ("RGB", "RGBA") or order not in _SWAPPED or "transparency" in opened.info:
        return None
    opened.load()
    if color == "RGBA" and opened.getchannel("A").getextrema() != (255, 255):
        return None
    file.seek(0)
    low = Image.open(file)
    low.tile = [tile._replace(args=_with_raw_mode(tile.args, f"{color};16{_SWAPPED[order]}")) for tile in low.tile]
    low.load()
    return DeepColor(opened.convert("RGB"), low.convert("RGB"))


def _raw_mode(opened: Image.Image) -> str:
    """Raw mode of the first tile; empty if the format has none."""
    tiles = getattr(opened, "tile", None)
    if not tiles:
        return ""
    arguments = tiles[0].args
    first = arguments[0] if isinstance(arguments, tuple) and arguments else arguments
    return first if isinstance(first, str) else ""


def _with_raw_mode(arguments: tuple[Any, ...] | str | None, raw: str) -> tuple[Any, ...] | str:
    return (raw, *arguments[1:]) if isinstance(arguments, tuple) else raw
