"""A small policy for CPUs, made of matrix products only.

On a CPU without bfloat16 the narrow convolutions and transposed convolutions of the measured prototype run at a
tenth of the machine's speed; products of the same parameters' size run near it. So the torso cuts the canvas into
patches (a convolution whose stride is its width is a matrix product), and the location heads write their logits in a
cosine basis instead of growing them by transposed convolutions: neighbouring cells still learn from each other,
because low frequencies carry larger weights.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from envs.spec import ActionSpec
from learners.networks.policy import PaintPolicy, PolicyInputs, unit_location

HIDDEN = 256
PATCH = 4


def cosine_basis(grid: int) -> Tensor:
    """float32 [grid * grid, grid * grid]: row f is a cosine over the cells, rows sorted by rising frequency.

    Rows are scaled by 1 / (1 + frequency), so that a change of a low-frequency coefficient, which moves many
    neighbouring cells together, changes the logits more than one of a high frequency.
    """
    cell = (torch.arange(grid) + 0.5) / grid
    frequency = torch.arange(grid)
    wave = torch.cos(math.pi * frequency[:, None] * cell[None])
    wave[1:] *= math.sqrt(2)
    basis = torch.einsum("ay,bx->abyx", wave, wave).reshape(grid * grid, grid * grid)
    radius = (frequency[:, None] ** 2 + frequency[None] ** 2).float().sqrt().flatten()
    order = radius.argsort(stable=True)
    return (basis / (1 + radius[:, None]))[order]


class LaptopPolicy(PaintPolicy):
    """Patches, two layers, a conditioning MLP, heads in the cosine basis; no recurrence. About 0.9 M parameters.

    Without an LSTM it must see where it is in the episode: the step is one of its inputs.
    """

    def __init__(
        self, spec: ActionSpec, canvas_shape: tuple[int, int, int], noise_size: int = 10, num_actions: int = 5
    ) -> None:
        super().__init__(spec, noise_size)
        height, width, channels = canvas_shape
        if height % (2 * PATCH) or width % (2 * PATCH):
            raise ValueError(f"observation_size: the laptop policy expects a multiple of 8, got {height}x{width}")
        self.num_actions = num_actions
        rows, columns = height // PATCH, width // PATCH
        self.patches = nn.Linear(PATCH * PATCH * channels, 32)
        self.patch_position = nn.Parameter(torch.randn(rows * columns, 32) * 0.1)
        self.quads = nn.Linear(4 * 32, 64)
        self.flat = nn.Linear(rows * columns // 4 * 64, HIDDEN)
        encoded = sum(2 if component.location else component.size for component in spec.components)
        self.situation = nn.Sequential(
            nn.Linear(noise_size + num_actions + encoded, 128), nn.ReLU(), nn.Linear(128, HIDDEN)
        )
        self.mix = nn.Linear(HIDDEN, HIDDEN)
        self.value = nn.Linear(HIDDEN, 1)
        self.heads = nn.ModuleList(nn.Linear(HIDDEN, component.size) for component in spec.components)
        deciding = spec.decode_order[:-1]
        self.low_frequencies = min(36, spec.grid * spec.grid)
        self.embeddings = nn.ModuleDict(
            {
                str(column): nn.Linear(
                    self.low_frequencies if spec.components[column].location else spec.components[column].size, HIDDEN
                )
                for column in deciding
            }
        )
        self.residuals = nn.ModuleDict({str(column): nn.Linear(HIDDEN, HIDDEN) for column in deciding})
        self.basis: Tensor
        self.register_buffer("basis", cosine_basis(spec.grid), persistent=False)
        with torch.no_grad():
            for column, head in enumerate(self.heads):
                if spec.components[column].location and isinstance(head, nn.Linear):
                    head.weight.mul_(0.5)

    def features(self, inputs: PolicyInputs) -> Tensor:
        """Canvas and situation to [N, 256]."""
        count, height, width, channels = inputs.canvas.shape
        rows, columns = height // PATCH, width // PATCH
        ink = inputs.canvas.float().mul_(-1 / 255).add_(1.0)
        # [N, rows, P, columns, P, C] -> [N, rows/2, 2, columns/2, 2, P*P*C], so that quads are neighbours in memory
        patches = ink.view(count, rows // 2, 2, PATCH, columns // 2, 2, PATCH * channels)
        patches = patches.permute(0, 1, 4, 2, 5, 3, 6).reshape(count, rows * columns, -1)
        seen = functional.relu(self.patches(patches) + self.patch_position)
        seen = functional.relu(self.quads(seen.view(count, rows * columns // 4, -1)))
        hidden = functional.relu(self.flat(seen.flatten(1)) + self.situation(self.encode(inputs)))
        return hidden + functional.relu(self.mix(hidden))

    def encode(self, inputs: PolicyInputs) -> Tensor:
        """Noise, step and previous action as float32 [N, E]; components that did not count are zero."""
        mask = self.spec.mask(inputs.previous_action)
        parts = [inputs.noise, functional.one_hot(inputs.step, self.num_actions).float()]
        for column, component in enumerate(self.spec.components):
            value = inputs.previous_action[:, column]
            if component.location:
                encoded = unit_location(value, self.spec.grid)
            else:
                encoded = functional.one_hot(value, component.size).float()
            parts.append(encoded * mask[:, column, None])
        return torch.cat(parts, 1)

    def state_value(self, core: Tensor) -> Tensor:
        """Linear 1 on the features."""
        value: Tensor = self.value(core)[:, 0]
        return value

    def logits(self, column: int, hidden: Tensor) -> Tensor:
        """Linear logits; those of a location are coefficients of the cosine basis."""
        logits: Tensor = self.heads[column](hidden)
        return logits @ self.basis if self.spec.components[column].location else logits

    def condition(self, column: int, hidden: Tensor, value: Tensor) -> Tensor:
        """hidden + ReLU(W hidden + E value), a location by its low-frequency cosines."""
        embed, residual = self.embeddings[str(column)], self.residuals[str(column)]
        component = self.spec.components[column]
        if component.location:
            frequencies = torch.arange(self.low_frequencies, device=value.device)
            encoded = self.basis[: self.low_frequencies].T.index_select(0, value)
            encoded = encoded * (1 + frequencies.sqrt())
        else:
            encoded = functional.one_hot(value, component.size).float()
        return hidden + functional.relu(residual(hidden) + embed(encoded))
