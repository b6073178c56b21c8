"""Looking where a location is: what a conditional painter on a CPU knows about each cell of the location grid.

A linear head must learn for each of the grid's cells anew, through a narrow bottleneck, what ink at that place looks
like. Here the logit of a cell also depends on the pixels of canvas and target around it: a key, the same function at
every cell, is compared with a query from the decoding state (pointer networks, Vinyals et al. 2015, equation 3, with a
product in place of the sum). Only matrix products, see :mod:`learners.networks.laptop`.
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
        self.grid, self.channels = grid, channels
        self.size = grid * grid * KEY
        self.linear = nn.Linear(WINDOW * WINDOW * channels, KEY)
        around = torch.arange(WINDOW)
        self.rows: Tensor
        self.columns: Tensor
        # Of the image with WINDOW / 2 pixels of margin: the window's middle is the location.
        self.register_buffer("rows", ((torch.arange(grid) * height // grid)[:, None] + around).flatten(), False)
        self.register_buffer("columns", ((torch.arange(grid) * width // grid)[:, None] + around).flatten(), False)

    def forward(self, image: Tensor) -> Tensor:
        """uint8 [N, H, W, C], white is 255, to float [N, grid * grid * KEY]."""
        margin, grid = WINDOW // 2, self.grid
        padded = functional.pad(image, (0, 0, margin, margin, margin, margin), value=255)
        windows = padded.index_select(1, self.rows).index_select(2, self.columns)
        windows = windows.view(len(image), grid, WINDOW, grid, WINDOW, self.channels).permute(0, 1, 3, 2, 4, 5)
        ink = windows.reshape(len(image) * grid * grid, -1).float().mul_(-1 / 255).add_(1.0)
        keys: Tensor = functional.relu_(self.linear(ink))
        return keys.view(len(image), self.size)


class PointerHead(nn.Module):
    """Logits of the cells: a linear head's, plus query times key."""

    def __init__(self, hidden: int, cells: int) -> None:
        super().__init__()
        self.linear = nn.Linear(hidden, cells)
        self.query = nn.Linear(hidden, KEY)

    def forward(self, hidden: Tensor, keys: Tensor) -> Tensor:
        """float [N, hidden] and keys [N, cells * KEY] to logits [N, cells]."""
        found = torch.bmm(keys.view(len(keys), -1, KEY), self.query(hidden)[:, :, None])[:, :, 0]
        logits: Tensor = self.linear(hidden) + found
        return logits
