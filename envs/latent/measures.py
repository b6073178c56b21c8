"""Measures of strokes in images: thickness, slant, size and place, in batches."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

NAMES = ("thickness", "ink", "x", "y", "xx", "yy", "xy")
"""Columns of `measure`."""

_EMPTY = 1e-3


def measure(images: Tensor) -> Tensor:
    """Measure gray shapes on a dark ground; colors are averaged.

    Args:
        images: float32 [N, C, H, W], 0 background to 1.

    Returns:
        float32 [N, 7], lengths in pixels: stroke thickness; ink (sum of pixels); centroid x, y, from the middle of the
        image; second central moments xx, yy, xy of the ink (variances and covariance, y downwards). An image without
        ink measures as all zeros.

    Thickness is 2 A / TV, with A the sum of pixels and TV that of their gradients' lengths: a long stroke of width w
    and length L has A = w L and TV = 2 L, whatever its brightness.
    """
    gray = images.mean(dim=1)
    height, width = gray.shape[1:]
    padded = functional.pad(gray, (1, 1, 1, 1))
    down = padded[:, 1:, :-1] - padded[:, :-1, :-1]
    right = padded[:, :-1, 1:] - padded[:, :-1, :-1]
    variation = (down.square() + right.square() + 1e-12).sqrt().sum(dim=(1, 2))
    ink = gray.sum(dim=(1, 2))
    weight = 1 / ink.clamp(min=_EMPTY)
    rows, columns = gray.sum(dim=2), gray.sum(dim=1)
    y_axis = torch.arange(height, dtype=gray.dtype, device=gray.device) - (height - 1) / 2
    x_axis = torch.arange(width, dtype=gray.dtype, device=gray.device) - (width - 1) / 2
    x = columns @ x_axis * weight
    y = rows @ y_axis * weight
    xx = columns @ x_axis.square() * weight - x.square()
    yy = rows @ y_axis.square() * weight - y.square()
    xy = torch.einsum("nhw,h,w->n", gray, y_axis, x_axis) * weight - x * y
    thickness = 2 * ink / variation.clamp(min=_EMPTY)
    measures = torch.stack((thickness, ink, x, y, xx, yy, xy), dim=1)
    return torch.where((ink > _EMPTY)[:, None], measures, torch.zeros_like(measures))


STYLE_NAMES = ("thickness", "slant", "width", "height")
"""Columns of `style`."""


def style(measures: Tensor) -> Tensor:
    """Compute the style of strokes from their measures.

    Args:
        measures: float32 [N, 7] of `measure`.

    Returns:
        float32 [N, 4]: thickness in pixels; slant, pixels to the right per pixel upwards (the regression of x on -y);
        width and height, standard deviations of the ink in pixels.
    """
    thickness, xx, yy, xy = measures[:, 0], measures[:, 4], measures[:, 5], measures[:, 6]
    slant = -xy / yy.clamp(min=0.25)
    return torch.stack((thickness, slant, xx.clamp(min=0.01).sqrt(), yy.clamp(min=0.01).sqrt()), dim=1)
