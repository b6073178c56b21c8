"""Records of finished paintings, as the shared replay holds them; plain arrays without torch.

A *record* is the canvas alone, uint8 [B, H, W, C], or canvas and target on channels side by side, uint8 [B, H, W, 2C].
A real record is an image beside itself (Ganin et al. 2018, section 3.2). For a joint discriminator the actions follow
as the bytes of one more channel.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def make_records(
    canvas: NDArray[np.uint8], target: NDArray[np.uint8] | None, action: NDArray[np.int16] | None = None
) -> NDArray[np.uint8]:
    """Records of finished paintings, uint8 [B, H, W, channels].

    Args:
        canvas: uint8 [B, H, W, C].
        target: uint8 [B, H, W, C], or None.
        action: int16 [T, B, K] for a joint discriminator, else None.

    >>> canvas, target = np.zeros((2, 8, 8, 3), np.uint8), np.ones((2, 8, 8, 3), np.uint8)
    >>> make_records(canvas, target).shape
    (2, 8, 8, 6)
    """
    parts = [part for part in (canvas, target) if part is not None]
    if action is not None:
        parts.append(action_plane(action, canvas.shape[1:3]))
    return np.concatenate(parts, -1) if len(parts) > 1 else canvas


def action_plane(action: NDArray[np.int16], size: Sequence[int]) -> NDArray[np.uint8]:
    """Actions int16 [T, B, K] as the bytes of one channel of `size` (H, W), uint8 [B, H, W, 1], padded with 0."""
    count, (height, width) = action.shape[1], size
    content = np.ascontiguousarray(action.swapaxes(0, 1), "<i2").view(np.uint8).reshape(count, -1)
    plane = np.zeros((count, height * width), np.uint8)
    plane[:, : content.shape[1]] = content
    return plane.reshape(count, height, width, 1)
