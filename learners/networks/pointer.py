"""Pointer to the cells of the location grid by the pixels around them, for conditional painters on CPUs.

A linear head must learn for each cell of the grid anew, through a narrow bottleneck, how ink in that place looks. Here
the logit of a cell also depends on the pixels of canvas and target around it: a key, the same function at every cell,
is multiplied with a query from the decoding state (pointer networks, Vinyals et al. 2015, equation 3, with a product
instead of the sum).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from learners.networks.heads import FullLinear

WINDOW = 6
KEY = 16


class CellKeys(nn.Module):
    """Keys of all cells from the pixels around them.

    Args:
        image_shape: (H, W, C) of the policy's images. A cell's place is its corner, as in the world.
        grid: cells along each side, a divisor of H = W.

    Attributes:
        size: numbers in the keys of an image, `grid * grid * KEY`.

    Raises:
        ValueError: the grid does not divide the image.
    """

    def __init__(self, image_shape: tuple[int, int, int], grid: int) -> None:
        super().__init__()
        height, width, channels = image_shape
        if height != width or height % grid:
            raise ValueError(
                f"grid: a conditional laptop policy expects a divisor of observation_size {height}, got {grid}"
            )
        self.grid, self.size = grid, grid * grid * KEY
        self.convolution = nn.Conv2d(channels, KEY, WINDOW, stride=height // grid, padding=WINDOW // 2)

    def forward(self, image: Tensor) -> Tensor:
        """Keys float [N, grid * grid * KEY] of images uint8 [N, H, W, C], in which white is 255."""
        ink = image.float().mul_(-1 / 255).add_(1.0).permute(0, 3, 1, 2)  # the padding's zeros are white
        keys = functional.relu_(self.convolution(ink)[:, :, : self.grid, : self.grid].permute(0, 2, 3, 1))
        return keys.reshape(len(image), self.size)


class PointerHead(nn.Module):
    """Logits of the cells: those of a linear head, plus query times key."""

    def __init__(self, hidden: int, cells: int) -> None:
        super().__init__()
        self.linear = FullLinear(hidden, cells)
        self.query = FullLinear(hidden, KEY)

    def forward(self, hidden: Tensor, keys: Tensor) -> Tensor:
        """Logits [N, cells] from the decoding state float [N, hidden] and keys [N, cells * KEY]."""
        query = self.query(hidden) * KEY**-0.5
        with torch.autocast(keys.device.type, enabled=False):
            found = torch.bmm(keys.view(len(keys), -1, KEY).float(), query[:, :, None])[:, :, 0]
        logits: Tensor = self.linear(hidden) + found
        return logits
