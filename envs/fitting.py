"""A person's own picture of a digit brought to the form of the data that a network was trained on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import UnidentifiedImageError
from scipy import ndimage

from envs.archives import Unreadable
from envs.decoding import decode_whole
from envs.resampling import resampling_matrix

Floats = NDArray[np.float32]

_LARGEST_SIDE = 1024
"""Pixels that a picture is looked at with at most."""

_LEAST_CONTRAST = 0.08
"""Difference between ink and ground below which there is no ink, as a share of black to white."""

_MOST_INK = 0.4
"""Share of the picture that ink may cover."""

_MOST_RIM = 0.1
"""Share of the picture's rim that ink may cover."""

_MOST_PARTS = 4
"""Strokes that do not touch each other; specks of less than a fiftieth of the largest are dust."""

_CLEARNESS = 4.5
"""Least contrast, in standard deviations of the ground: measured 6 to 36 for digits, 2 to 8 for faces."""

_ONE_SIDED = 0.9
"""Least share of the ink that lies on one side of the ground, darker or brighter."""


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
    def of(cls, images: NDArray[np.uint8]) -> Framing:
        """Measure the form of training images uint8 [N, H, W, 1], bright on a dark ground, on the first 1 000."""
        inks = images[:1000, ..., 0].astype(np.float32) / 255
        boxes = [box for ink in inks if (box := _box(ink > 0.2)) is not None]
        sides = [max(bottom - top, right - left) for top, bottom, left, right in boxes]
        widths = [_stroke_width(ink) for ink in inks if ink.any()]
        height, width = images.shape[1:3]
        if not sides:
            return cls(height, width, 20 / 28 * min(height, width), (height / 2, width / 2))
        y, x = np.median([_middle(ink) for ink in inks if ink.any()], 0)
        return cls(height, width, float(np.median(sides)), (float(y), float(x)), float(np.percentile(widths, 5)))


@dataclass(frozen=True)
class Fitted:
    """A picture in the form of the training data.

    Attributes:
        image: uint8 [H, W], bright on a dark ground.
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
    on_white = _read(path, "white")
    try:
        return fit_array(on_white, framing)
    except ValueError as error:
        on_black = _read(path, "black")
        if (on_black != on_white).any():
            return fit_array(on_black, framing)
        raise ValueError(f"{path}: {error}") from None


def _read(path: Path, ground: str) -> Floats:
    """Read a picture in gray; ValueError, one line, if it can not be read."""
    try:
        with path.open("rb") as file:
            image = decode_whole(file, _LARGEST_SIDE, "L", ground)
    except FileNotFoundError:
        raise ValueError(f"{path}: no such file") from None
    except Unreadable as error:
        raise ValueError(f"{path}: {error}") from None
    except UnidentifiedImageError:
        raise ValueError(f"{path}: is not an image that Pillow can read") from None
    except Exception as error:  # decoders raise almost anything on a broken file
        raise ValueError(f"{path}: can not be read as an image ({' '.join(str(error).split())[:120]})") from None
    factor = -(-max(image.size) // _LARGEST_SIDE)
    gray: Floats = np.asarray(image.reduce(factor), np.float32) / np.float32(255)
    return gray


def fit_array(gray: Floats, framing: Framing | None = None) -> Fitted:
    """Bring a gray picture float32 [H, W], 0 black to 1 white, to the form of the training data; see `fit`.

    Raises:
        ValueError: it can not be a digit; the message says why.
    """
    framing = framing or Framing()
    ink, dark_on_light = _ink(gray)
    box = _box(ink > 0.2)
    assert box is not None  # `_ink` refuses pictures without ink
    if not dark_on_light and gray.shape == (framing.height, framing.width) and _framed(ink, box, framing):
        return Fitted(_bytes(gray), ())
    top, bottom, left, right = box
    cut = ink[top:bottom, left:right]
    scale = framing.side / max(cut.shape)
    changes = ["turned to bright on dark"] if dark_on_light else []
    if abs(scale - 1) > 0.02:
        changes.append(f"scaled from {cut.shape[1]}x{cut.shape[0]} pixels of ink")
    small = _scaled(cut, framing.side)
    missing = (framing.stroke - _stroke_width(small)) / scale
    if missing > 0 and (extra := round(missing / 2)):
        small = _scaled(ndimage.grey_dilation(np.pad(cut, extra), size=(2 * extra + 1,) * 2), framing.side)
        changes.append("strokes thickened")
    return Fitted(_bytes(_centered(small, framing)), (*changes, "centered"))


def _scaled(ink: Floats, side: float) -> Floats:
    """Scale a shape so that its longer side has `side` pixels."""
    height, width = (max(1, round(length * side / max(ink.shape))) for length in ink.shape)
    scaled: Floats = resampling_matrix(ink.shape[0], height) @ (ink @ resampling_matrix(ink.shape[1], width).T)
    return np.clip(scaled, 0, 1)


def _ink(gray: Floats) -> tuple[Floats, bool]:
    """Separate ink from ground.

    Returns:
        float32 [H, W], 0 on the ground to 1 on ink; and true if the ink is darker than the ground.

    Raises:
        ValueError: there is no ink, or it can not be that of a digit.
    """
    rim = np.concatenate([gray[0], gray[-1], gray[:, 0], gray[:, -1]])
    difference = np.abs(gray - np.median(rim))
    marked = difference > _otsu(difference)
    flat = gray - _plane(gray, ~marked)
    marked = np.abs(flat) > _otsu(np.abs(flat))
    ground = flat[~marked]
    dark_on_light = bool(np.median(flat[marked]) < 0) if marked.any() else False
    raw = np.clip(-flat if dark_on_light else flat, 0, None)
    strength = float(np.median(raw[marked])) if marked.any() else 0.0
    if strength < _LEAST_CONTRAST:
        raise ValueError("no digit in it: the picture is empty, or ink and ground hardly differ")
    one_sided = float(np.mean((flat[marked] < 0) == dark_on_light))
    if marked.mean() > _MOST_INK or strength < _CLEARNESS * float(ground.std()) or one_sided < _ONE_SIDED:
        raise ValueError("no digit in it: a picture without a plain ground")
    if np.concatenate([marked[0], marked[-1], marked[:, 0], marked[:, -1]]).mean() > _MOST_RIM:
        raise ValueError("no digit in it: ink reaches the picture's edge; leave a margin around the digit")
    noise = float(1.4826 * np.median(np.abs(ground - np.median(ground))))
    ink = np.clip((raw - 3 * noise) / max(strength - 3 * noise, 1e-3), 0, 1).astype(np.float32)
    labels, count = ndimage.label(ink > 0.2, structure=np.ones((3, 3)))
    masses = ndimage.sum_labels(ink, labels, np.arange(1, count + 1))
    large = masses > masses.max() / 50
    if large.sum() > _MOST_PARTS:
        raise ValueError(f"no single digit in it: {int(large.sum())} separate parts; cut one digit out")
    kept = np.concatenate([[False], large])[labels]
    near = ndimage.binary_dilation(kept, iterations=2)
    return np.where(near, ink, 0).astype(np.float32), dark_on_light


def _otsu(values: Floats) -> float:
    """Threshold that separates values into two groups of the least variance (Otsu 1979)."""
    counts, edges = np.histogram(values, 256)
    middles = (edges[1:] + edges[:-1]) / 2
    below = np.cumsum(counts)
    above = below[-1] - below
    sums = np.cumsum(counts * middles)
    valid = (below > 0) & (above > 0)
    means = sums / np.maximum(below, 1), (sums[-1] - sums) / np.maximum(above, 1)
    between = np.where(valid, below * above * (means[0] - means[1]) ** 2, -1.0)
    return float(edges[1:][between.argmax()])


def _plane(gray: Floats, ground: NDArray[np.bool_]) -> Floats:
    """Brightness of the ground with a slope of lighting: a plane through its pixels, float32 [H, W]."""
    y, x = np.mgrid[-1 : 1 : gray.shape[0] * 1j, -1 : 1 : gray.shape[1] * 1j]
    columns = np.stack([np.ones_like(x), x, y], -1)
    if ground.sum() < 3:
        return np.full_like(gray, np.median(gray))
    solution: NDArray[Any] = np.linalg.lstsq(columns[ground], gray[ground], rcond=None)[0]
    plane: Floats = (columns @ solution).astype(np.float32)
    return plane


def _box(marked: NDArray[np.bool_]) -> tuple[int, int, int, int] | None:
    """Rows and columns, the last ones not included, of the box around what is marked."""
    rows, columns = np.flatnonzero(marked.any(1)), np.flatnonzero(marked.any(0))
    if not len(rows):
        return None
    return int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1


def _stroke_width(ink: Floats) -> float:
    """Width of strokes in pixels: 2 A / TV, as in `envs.latent.measures.measure`."""
    padded = np.pad(ink, 1)
    down, right = np.diff(padded, axis=0)[:, :-1], np.diff(padded, axis=1)[:-1]
    return float(2 * ink.sum() / max(float(np.hypot(down, right).sum()), 1e-3))


def _middle(ink: Floats) -> tuple[float, float]:
    """Center of mass in pixels from the top left corner."""
    total = float(ink.sum())
    y, x = (np.arange(side) + 0.5 for side in ink.shape)
    return float(ink.sum(1) @ y) / total, float(ink.sum(0) @ x) / total


def _framed(ink: Floats, box: tuple[int, int, int, int], framing: Framing) -> bool:
    """True if a picture has the training data's form already."""
    top, bottom, left, right = box
    y, x = _middle(ink)
    off = max(abs(y - framing.center[0]), abs(x - framing.center[1]))
    return off < 1.5 and abs(max(bottom - top, right - left) - framing.side) < 2.5


def _centered(ink: Floats, framing: Framing) -> Floats:
    """Put a shape on an empty image, its center of mass in the middle as far as it fits."""
    made = np.zeros((framing.height, framing.width), np.float32)
    ink = ink[: framing.height, : framing.width]
    places = []
    for middle, center, side, size in zip(_middle(ink), framing.center, ink.shape, made.shape, strict=True):
        places.append(min(max(round(center - middle), 0), size - side))
    y, x = places
    made[y : y + ink.shape[0], x : x + ink.shape[1]] = ink
    return made


def _bytes(values: Floats) -> NDArray[np.uint8]:
    made: NDArray[np.uint8] = np.clip(values * 255 + 0.5, 0, 255).astype(np.uint8)
    return made
