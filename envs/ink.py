"""Ink of a picture of a shape: told from its ground, and measured."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Floats = NDArray[np.float32]

LEAST_CONTRAST = 0.08
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

MARKED = 0.2
"""Ink that counts as marked, 0 to 1."""


def find_ink(gray: Floats) -> tuple[Floats, bool]:
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
    if strength < LEAST_CONTRAST:
        raise ValueError("no digit in it: the picture is empty, or ink and ground hardly differ")
    one_sided = float(np.mean((flat[marked] < 0) == dark_on_light))
    if marked.mean() > _MOST_INK or strength < _CLEARNESS * float(ground.std()) or one_sided < _ONE_SIDED:
        raise ValueError("no digit in it: a picture without a plain ground")
    if np.concatenate([marked[0], marked[-1], marked[:, 0], marked[:, -1]]).mean() > _MOST_RIM:
        raise ValueError("no digit in it: ink reaches the picture's edge; leave a margin around the digit")
    noise = float(1.4826 * np.median(np.abs(ground - np.median(ground))))
    ink = np.clip((raw - 3 * noise) / max(strength - 3 * noise, 1e-3), 0, 1).astype(np.float32)
    labels, count = ndimage.label(ink > MARKED, structure=np.ones((3, 3)))
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


def box_of(marked: NDArray[np.bool_]) -> tuple[int, int, int, int]:
    """Rows and columns, the last ones not included, of the box around all that is marked."""
    rows, columns = np.flatnonzero(marked.any(1)), np.flatnonzero(marked.any(0))
    return int(rows[0]), int(rows[-1]) + 1, int(columns[0]), int(columns[-1]) + 1


def stroke_width(ink: Floats) -> float:
    """Width of strokes in pixels: 2 A / TV, as in `envs.latent.measures.measure`."""
    padded = np.pad(ink, 1)
    down, right = np.diff(padded, axis=0)[:, :-1], np.diff(padded, axis=1)[:-1]
    return float(2 * ink.sum() / max(float(np.hypot(down, right).sum()), 1e-3))


def middle_of(ink: Floats) -> tuple[float, float]:
    """Center of mass in pixels from the top left corner."""
    total = float(ink.sum())
    y, x = (np.arange(side) + 0.5 for side in ink.shape)
    return float(ink.sum(1) @ y) / total, float(ink.sum(0) @ x) / total
