"""What the discriminator of a conditional painter is shown, and how far a canvas is from its target.

A *record* is what the replay keeps of a finished painting: the canvas alone, uint8 [B, H, W, C], or canvas and target
on channels side by side, uint8 [B, H, W, 2C]. A real record is an image beside itself (Ganin et al. 2018, section 3.2).
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from learners.networks.discriminator import to_image

#: Records that are scored in one pass.
SCORED_AT_ONCE = 1024


def make_records(canvas: NDArray[np.uint8], target: NDArray[np.uint8] | None) -> NDArray[np.uint8]:
    """Records of canvases uint8 [B, H, W, C] and their targets of the same shape, if any."""
    return canvas if target is None else np.concatenate([canvas, target], -1)


def complements(records: Tensor) -> tuple[Tensor, Tensor]:
    """Half of the target beside the other half of the painting (SPIRAL++, Mellor et al. 2019).

    Args:
        records: uint8 [B, H, W, 2C], painting and target.

    Returns:
        Two of uint8 [B, H, W, C]: the target's left half with the painting's right one, and the other way round. Of a
        real record both are the image itself.
    """
    painting, target = records.chunk(2, -1)
    middle = records.shape[2] // 2
    return (
        torch.cat([target[:, :, :middle], painting[:, :, middle:]], 2),
        torch.cat([painting[:, :, :middle], target[:, :, middle:]], 2),
    )


def random_complement(records: Tensor) -> Tensor:
    """One of the two complements of each record, by a fair coin from torch's generator: uint8 [B, H, W, C]."""
    left, right = complements(records)
    coin = torch.rand(len(records), device=records.device) < 0.5
    return torch.where(coin[:, None, None, None], left, right)


def score_records(discriminator: nn.Module, records: Tensor, complementary: bool) -> Tensor:
    """Discriminator scores float32 [N] of records uint8 [N, H, W, C or 2C]; of a complement's two views their mean."""
    scores = []
    for part in torch.split(records, SCORED_AT_ONCE):  # type: ignore[no-untyped-call]
        views = complements(part) if complementary else (part,)
        scores.append(torch.stack([discriminator(to_image(view)).float() for view in views]).mean(0))
    return torch.cat(scores)


def squared_error(canvas: Tensor, target: Tensor) -> Tensor:
    """Mean squared difference of pixels in [0, 1]: float32 [N] from uint8 [N, H, W, C] twice."""
    difference = (canvas.float() - target.float()).flatten(1) / 255
    return difference.square().mean(1)
