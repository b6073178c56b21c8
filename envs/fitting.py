"""A person's own picture of a digit brought to the form of the data that a network was trained on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError
from scipy import ndimage

from envs.archives import Unreadable
from envs.decoding import decode_whole
from envs.ink import LEAST_CONTRAST, MARKED, Floats, box_of, find_ink, middle_of, stroke_width
from envs.resampling import resampling_matrix, resize_images
from envs.untrusted import open_file

_TURNED = "turned to bright on dark"

_LARGEST_SIDE = 1024
"""Pixels that a picture is looked at with at most."""

_TRIED, _ALIKE = 200, 0.9
"""Training images that a form is tried on, and the share of them that it must leave as they are."""


@dataclass(frozen=True)
class Framing:
    """Form of the training data: shapes of one size, centered by their mass, bright on a dark ground.

    The defaults are MNIST's: digits that fit into 20x20 pixels, their center of mass in the middle of 28x28
    (LeCun et al., "The MNIST database of handwritten digits"), which is pixel 14 in both directions.

    Attributes:
        height: of an image in pixels.
        width: of an image in pixels.
        side: length of a shape's longer side in pixels.
        center: (y, x) of the center of mass in pixels from the top left corner, 14.5 being the middle of pixel 14.
        stroke: width of the thinnest usual strokes in pixels.
    """

    height: int = 28
    width: int = 28
    side: float = 20.0
    center: tuple[float, float] = (14.5, 14.5)
    stroke: float = 1.5

    @classmethod
    def of(cls, images: NDArray[np.uint8]) -> Framing | None:
        """Measure the form of training images, on the first 1 000 of them.

        Args:
            images: uint8 [N, H, W, C], bright on a dark ground.

        Returns:
            Their form; None if they have none, being in color or of shapes that are not alike in size and place: fewer
            than nine of ten would be left as they are.
        """
        if images.shape[3] != 1:
            return None
        inks = [ink for ink in images[:1000, ..., 0].astype(np.float32) / 255 if (ink > MARKED).any()]
        if not inks:
            return None
        boxes = [box_of(ink > MARKED) for ink in inks]
        sides = [max(bottom - top, right - left) for top, bottom, left, right in boxes]
        y, x = np.median([middle_of(ink) for ink in inks], 0)
        width = float(np.percentile([stroke_width(ink) for ink in inks], 5))
        framing = cls(images.shape[1], images.shape[2], float(np.median(sides)), (float(y), float(x)), width)
        kept = [_left_alone(ink, framing) for ink in inks[:_TRIED]]
        return framing if np.mean(kept) >= _ALIKE else None


@dataclass(frozen=True)
class Fitted:
    """A picture in the form of the training data.

    Attributes:
        image: uint8 [H, W, C], gray ones bright on a dark ground.
        changes: changes that were made, a few words each; empty if the picture had the form already.
    """

    image: NDArray[np.uint8]
    changes: tuple[str, ...]


def fit(path: Path, framing: Framing | None = None) -> Fitted:
    """Bring a picture file of a digit to the training data's polarity, size and center, as MNIST's authors did.

    Transparency is put on white, or on black if white shows nothing. The ground is a plane through most of the picture,
    so that an even slope of lighting does no harm; ink is what differs from it. The ink's box is scaled to the
    framing's side, strokes that would become too thin are thickened, and the center of mass is put in the middle.

    Args:
        path: of the picture, of any size and kind that Pillow reads.
        framing: form of the training data; by default MNIST's.

    Raises:
        ValueError: it can not be read, or can not be a digit: empty, of too little contrast, covered with ink, or of
            too many parts; one line that says which.
    """
    on_white, on_black = _read(path, "white"), _read(path, "black")
    trouble = ""
    for gray in [on_white, on_black][: 1 + bool((on_white != on_black).any())]:
        try:
            return fit_array(gray, framing)
        except ValueError as error:
            trouble = str(error)
    raise ValueError(f"{path}: {trouble}")


def fit_size(path: Path, shape: tuple[int, int, int]) -> Fitted:
    """Bring a picture file to the size, channels and polarity of training data that have no form of their own.

    Args:
        path: of the picture.
        shape: (H, W, C) of an image, H = W; with one channel they are bright on a dark ground.

    Returns:
        The picture's center square, resized; gray ones with a bright rim are turned.

    Raises:
        ValueError: it can not be read, or is empty.
    """
    height, width, channels = shape
    image = _opened(path, height, "L" if channels == 1 else "RGB")
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    pixels = np.asarray(image.crop((left, top, left + side, top + side))).reshape(1, side, side, channels)
    made = resize_images(pixels, height)[0]
    if np.ptp(made) < 255 * LEAST_CONTRAST:
        raise ValueError(f"{path}: nothing in it: the picture is empty")
    changes = [] if image.size == (width, height) else [f"cut and resized from {image.width}x{image.height} pixels"]
    if channels == 1 and np.median(np.concatenate([made[0], made[-1], made[:, 0], made[:, -1]])) > 127:
        made = 255 - made
        changes.insert(0, _TURNED)
    return Fitted(made, tuple(changes))


def _left_alone(ink: Floats, framing: Framing) -> bool:
    """True if `fit_array` would leave a training image as it is."""
    try:
        return not fit_array(ink, framing).changes
    except ValueError:
        return False


def _read(path: Path, ground: str) -> Floats:
    """Read a picture in gray, float32 [H, W], with at most `_LARGEST_SIDE` pixels a side."""
    image = _opened(path, _LARGEST_SIDE, "L", ground)
    gray: Floats = np.asarray(image.reduce(-(-max(image.size) // _LARGEST_SIDE)), np.float32) / np.float32(255)
    return gray


def _opened(path: Path, size: int, mode: Literal["L", "RGB"], ground: str = "white") -> Image.Image:
    """Decode a picture; ValueError, one line, if it can not be read."""
    try:
        file = open_file(path)
    except FileNotFoundError:
        raise ValueError(f"{path}: no such file") from None
    except OSError as error:
        raise ValueError(f"{path}: {error.strerror}" if error.strerror else str(error)) from None
    try:
        with file:
            return decode_whole(file, size, mode, ground)
    except Unreadable as error:
        raise ValueError(f"{path}: {error}") from None
    except UnidentifiedImageError:
        raise ValueError(f"{path}: is not an image that Pillow can read") from None
    except Exception as error:  # decoders raise almost anything on a broken file
        raise ValueError(f"{path}: can not be read as an image ({' '.join(str(error).split())[:120]})") from None


def fit_array(gray: Floats, framing: Framing | None = None) -> Fitted:
    """Bring a gray picture float32 [H, W], 0 black to 1 white, to the form of the training data; see `fit`.

    Raises:
        ValueError: it can not be a digit; the message says why.
    """
    framing = framing or Framing()
    ink, dark_on_light = find_ink(gray)
    box = box_of(ink > MARKED)
    if not dark_on_light and gray.shape == (framing.height, framing.width) and _framed(ink, box, framing):
        return Fitted(_bytes(gray), ())
    top, bottom, left, right = box
    cut = ink[top:bottom, left:right]
    scale = framing.side / max(cut.shape)
    changes = [_TURNED] if dark_on_light else []
    if abs(scale - 1) > 0.02:
        changes.append(f"scaled from {cut.shape[1]}x{cut.shape[0]} pixels of ink")
    small = _scaled(cut, framing.side)
    missing = (framing.stroke - stroke_width(small)) / scale
    if missing > 0 and (extra := round(missing / 2)):
        small = _scaled(ndimage.grey_dilation(np.pad(cut, extra), size=(2 * extra + 1,) * 2), framing.side)
        changes.append("strokes thickened")
    return Fitted(_bytes(_centered(small, framing)), (*changes, "centered"))


def _scaled(ink: Floats, side: float) -> Floats:
    """Scale a shape so that its longer side has `side` pixels."""
    height, width = (max(1, round(length * side / max(ink.shape))) for length in ink.shape)
    scaled: Floats = resampling_matrix(ink.shape[0], height) @ (ink @ resampling_matrix(ink.shape[1], width).T)
    return np.clip(scaled, 0, 1)


def _framed(ink: Floats, box: tuple[int, int, int, int], framing: Framing) -> bool:
    """True if a picture has the training data's form already."""
    top, bottom, left, right = box
    y, x = middle_of(ink)
    off = max(abs(y - framing.center[0]), abs(x - framing.center[1]))
    return off < 1.5 and abs(max(bottom - top, right - left) - framing.side) < 2.5


def _centered(ink: Floats, framing: Framing) -> Floats:
    """Put a shape on an empty image, its center of mass in the middle as far as it fits."""
    made = np.zeros((framing.height, framing.width), np.float32)
    ink = ink[: framing.height, : framing.width]
    places = []
    for middle, center, side, size in zip(middle_of(ink), framing.center, ink.shape, made.shape, strict=True):
        places.append(min(max(round(center - middle), 0), size - side))
    y, x = places
    made[y : y + ink.shape[0], x : x + ink.shape[1]] = ink
    return made


def _bytes(values: Floats) -> NDArray[np.uint8]:
    """Convert float32 [H, W] in [0, 1] to uint8 [H, W, 1]."""
    made: NDArray[np.uint8] = np.clip(values * 255 + 0.5, 0, 255).astype(np.uint8)[..., None]
    return made
