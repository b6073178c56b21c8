"""Looking where a location is: what a conditional painter on a CPU knows about each cell of the location grid.

A linear head must learn for each of the grid's cells anew, through a narrow bottleneck, what ink at that place looks
like. Here the logit of a cell also depends on the pixels of canvas and target around it: a key, the same function at
every cell, is compared with a query from the decoding state (pointer networks, Vinyals et al. 2015, equation 3, with a
product in place of the sum).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

WINDOW = 6
KEY = 16


class CellKeys(nn.Module):
    """Keys of all cells from the pixels around them.

    Attributes:
        size: numbers that :meth:`forward` gives for an image, ``grid * grid * KEY``.
    """

    def __init__(self, image_shape: tuple[int, int, int], grid: int) -> None:
        """``image_shape`` is (H, W, C) of what the policy looks at; a cell's place is its corner, as in the world."""
        super().__init__()
        height, width, channels = image_shape
        if height != width or height % grid:
            raise ValueError(
                f"grid: a conditional laptop policy expects a divisor of observation_size {height}, got {grid}"
            )
        self.grid, self.size = grid, grid * grid * KEY
        self.convolution = nn.Conv2d(channels, KEY, WINDOW, stride=height // grid, padding=WINDOW // 2)

    def forward(self, image: Tensor) -> Tensor:
        """uint8 [N, H, W, C], white is 255, to float [N, grid * grid * KEY]."""
        ink = image.float().mul_(-1 / 255).add_(1.0).permute(0, 3, 1, 2)  # beyond the edge there is none: zeros
        keys = functional.relu_(self.convolution(ink)[:, :, : self.grid, : self.grid].permute(0, 2, 3, 1))
        return keys.reshape(len(image), self.size)


class PointerHead(nn.Module):
    """Logits of the cells: a linear head's, plus query times key."""

    def __init__(self, hidden: int, cells: int) -> None:
        super().__init__()
        self.linear = nn.Linear(hidden, cells)
        self.query = nn.Linear(hidden, KEY)

    def forward(self, hidden: Tensor, keys: Tensor) -> Tensor:
        """float [N, hidden] and keys [N, cells * KEY] to logits [N, cells]."""
        query = self.query(hidden) * KEY**-0.5
        found = torch.bmm(keys.view(len(keys), -1, KEY), query[:, :, None])[:, :, 0]
        logits: Tensor = self.linear(hidden) + found
        return logits
