"""A small policy for CPUs, made of matrix products only.

On a CPU without bfloat16 the narrow convolutions and transposed convolutions of the measured prototype run at a
tenth of the machine's speed; products of the same parameters' size run near it. So the torso cuts the canvas into
patches (a convolution whose stride is its width is a matrix product), and the location heads are linear instead of
grown by transposed convolutions. A chosen location conditions the next component through low-frequency cosines of its
coordinates, which keep near cells near.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from envs.spec import ActionSpec
from learners.networks.pointer import CellKeys, PointerHead
from learners.networks.policy import PaintPolicy, PolicyInputs, encode_situation

HIDDEN = 256
PATCH = 4


def cosine_features(grid: int, count: int) -> Tensor:
    """float32 [grid * grid, count]: each cell as its ``count`` products of cosines in y and x of lowest frequency."""
    wave = torch.cos(math.pi * torch.arange(grid)[:, None] * (torch.arange(grid) + 0.5)[None] / grid)
    frequency = torch.arange(grid)
    radius = (frequency[:, None] ** 2 + frequency[None] ** 2).flatten()
    lowest = radius.argsort(stable=True)[:count]
    y, x = wave[lowest // grid], wave[lowest % grid]
    return torch.einsum("fy,fx->yxf", y, x).reshape(grid * grid, -1).contiguous()


class LaptopPolicy(PaintPolicy):
    """Patches, two layers, a conditioning MLP, linear heads; no recurrence. About 0.7 M parameters.

    A conditional one also compares cells of the grid with what it looks for, see :mod:`learners.networks.pointer`.

    Without an LSTM it must see where it is in the episode: the step is one of its inputs.
    """

    def __init__(
        self,
        spec: ActionSpec,
        canvas_shape: tuple[int, int, int],
        noise_size: int = 10,
        num_actions: int = 5,
        *,
        conditional: bool = False,
        blind: bool = False,
    ) -> None:
        super().__init__(spec, noise_size, conditional=conditional, blind=blind)
        height, width, channels = canvas_shape
        channels *= 2 if conditional else 1
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
        self.keys = CellKeys((height, width, channels), spec.grid) if conditional else None
        self.heads = nn.ModuleList(
            PointerHead(HIDDEN, component.size)
            if conditional and component.location
            else nn.Linear(HIDDEN, component.size)
            for component in spec.components
        )
        deciding = spec.decode_order[:-1]
        frequencies = min(36, spec.grid * spec.grid)
        self.embeddings = nn.ModuleDict(
            {
                str(column): nn.Linear(
                    frequencies if spec.components[column].location else spec.components[column].size, HIDDEN
                )
                for column in deciding
            }
        )
        self.residuals = nn.ModuleDict({str(column): nn.Linear(HIDDEN, HIDDEN) for column in deciding})
        self.cosines: Tensor
        self.register_buffer("cosines", cosine_features(spec.grid, frequencies), persistent=False)

    def features(self, inputs: PolicyInputs) -> Tensor:
        """Canvas and situation to [N, 256]."""
        seen = self.seen(inputs)
        count, height, width, channels = seen.shape
        rows, columns = height // PATCH, width // PATCH
        # [N, rows, P, columns, P, C] -> [N, rows/2, 2, columns/2, 2, P*P*C], so that quads are neighbours in memory;
        # moved as bytes, which are a quarter of floats.
        patches = seen.view(count, rows // 2, 2, PATCH, columns // 2, 2, PATCH * channels)
        patches = patches.permute(0, 1, 4, 2, 5, 3, 6).reshape(count, rows * columns, -1)
        ink = patches.float().mul_(-1 / 255).add_(1.0)
        grid = functional.relu(self.patches(ink) + self.patch_position)
        grid = functional.relu(self.quads(grid.view(count, rows * columns // 4, -1)))
        hidden = functional.relu(
            self.flat(grid.flatten(1)) + self.situation(encode_situation(self.spec, self.num_actions, inputs))
        )
        return hidden + functional.relu(self.mix(hidden))

    def context(self, inputs: PolicyInputs) -> Tensor | None:
        """Keys of the grid's cells, for a conditional policy."""
        return None if self.keys is None else self.keys(self.seen(inputs))

    def state_value(self, core: Tensor) -> Tensor:
        """Linear 1 on the features."""
        value: Tensor = self.value(core)[:, 0]
        return value

    def logits(self, column: int, hidden: Tensor, context: Tensor | None) -> Tensor:
        """Linear logits; of a conditional policy's location, with the pointer's."""
        head = self.heads[column]
        logits: Tensor = head(hidden, context) if isinstance(head, PointerHead) else head(hidden)
        return logits

    def condition(self, column: int, hidden: Tensor, value: Tensor) -> Tensor:
        """hidden + ReLU(W hidden + E value), a location by its low-frequency cosines."""
        component = self.spec.components[column]
        if component.location:
            encoded = self.cosines.index_select(0, value)
        else:
            encoded = functional.one_hot(value, component.size).float()
        update = self.residuals[str(column)](hidden) + self.embeddings[str(column)](encoded)
        return hidden + functional.relu(update)
