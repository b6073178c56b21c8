"""Eyes for a painter that reproduces: canvas and target at three scales, and close up at one place."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from learners.networks.policy import PolicyInputs

#: Pixels of a coarse cell each way: the eyes' finest map is a fourth of the picture's size.
CELL = 4
#: Channels at a half, a fourth and an eighth of the picture's size.
WIDTHS = (24, 48, 64)
#: Pixels each way of the look at one place: a coarse cell with as much again around it.
CLOSE = 3 * CELL
#: Numbers that a look at one place gives.
LOOK = 192


@dataclass
class Seen:
    """Features of N pictures.

    Attributes:
        cells: float [N, 48, M, M], a vector for each coarse cell.
        whole: float [N, 64], the mean over the coarsest map.
        pixels: float [N, 2C, H + 8, W + 8], target and difference with a margin, to look at places closely.
        progress: float [N, 1], the share of the episode's strokes that is painted.
    """

    cells: Tensor
    whole: Tensor
    pixels: Tensor
    progress: Tensor


class Eyes(nn.Module):
    """A small pyramid of convolutions, and a layer that looks at one coarse cell with what surrounds it."""

    def __init__(self, canvas_shape: tuple[int, int, int]) -> None:
        super().__init__()
        height, width, channels = canvas_shape
        if height != width or height % (2 * CELL):
            raise ValueError(
                f"observation_size: networks for reproducing expect a multiple of {2 * CELL}, got {height}x{width}"
            )
        half, fourth, eighth = WIDTHS
        self.size, self.cells = height, height // CELL
        self.first = nn.Conv2d(2 * channels, half, 4, 2, 1)
        self.timing = nn.Linear(1, half)
        self.second = nn.Conv2d(half, fourth, 3, 2, 1)
        self.second_residual = nn.Conv2d(fourth, fourth, 3, 1, 1)
        self.third = nn.Conv2d(fourth, eighth, 3, 2, 1)
        self.third_residual = nn.Conv2d(eighth, eighth, 3, 1, 1)
        self.join = nn.Conv2d(fourth + eighth, fourth, 1)
        self.close = nn.Linear(CLOSE * CLOSE * 2 * channels, 128)
        self.look = nn.Linear(fourth + eighth + 128 + 1, LOOK)

    def forward(self, inputs: PolicyInputs, num_actions: int) -> Seen:
        """Inputs [N] of a conditional policy, whose episodes have `num_actions` actions."""
        assert inputs.target is not None, "PaintPolicy.seen refuses inputs without a target"
        both = torch.cat([inputs.canvas, inputs.target], -1).permute(0, 3, 1, 2).float() * (1 / 255)  # channels last
        channels = both.shape[1] // 2
        target = both[:, channels:]
        progress = (inputs.step.float() * (1 / num_actions)).clamp_max(1.0)[:, None]
        # The first layer finds the difference itself: it is linear in canvas and target.
        halves = functional.relu(self.first(both) + self.timing(progress)[:, :, None, None])
        fourths = functional.relu(self.second(halves))
        fourths = fourths + functional.relu(self.second_residual(fourths))
        eighths = functional.relu(self.third(fourths))
        eighths = eighths + functional.relu(self.third_residual(eighths))
        joined = torch.cat([fourths, functional.interpolate(eighths, scale_factor=2)], 1)
        margin = [(CLOSE - CELL) // 2] * 4
        pixels = functional.pad(torch.cat([target, target - both[:, :channels]], 1), margin, mode="replicate")
        return Seen(functional.relu(self.join(joined)), eighths.mean((2, 3)), pixels, progress)

    def look_at(self, seen: Seen, row: Tensor, cell: Tensor) -> Tensor:
        """Look at coarse cells int64 [R] of the pictures `row` int64 [R]; returns features float [R, 192]."""
        y, x = torch.div(cell, self.cells, rounding_mode="floor"), cell % self.cells
        offset = torch.arange(CLOSE, device=cell.device)
        rows, columns = (y * CELL)[:, None] + offset, (x * CELL)[:, None] + offset
        patch = seen.pixels[row[:, None, None], :, rows[:, :, None], columns[:, None, :]].flatten(1)
        parts = [seen.cells[row, :, y, x], seen.whole[row], functional.relu(self.close(patch)), seen.progress[row]]
        looked: Tensor = self.look(torch.cat(parts, 1))
        return functional.relu(looked)
