"""A small policy for CPUs, made of matrix products only.

On a CPU without bfloat16 the narrow convolutions and transposed convolutions of the measured prototype run at a tenth
of the machine's speed, while products with as many parameters run near it. So the torso cuts the canvas into patches (a
convolution whose stride is its width is a matrix product), and the location heads are linear. A chosen location
conditions the next component through low-frequency cosines of its coordinates, which are similar for near cells.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from envs.spec import ActionSpec
from learners.networks.heads import FullLinear
from learners.networks.one_hot import one_hot
from learners.networks.pointer import CellKeys, PointerHead
from learners.networks.policy import ComponentPolicy, PolicyInputs
from learners.networks.situation import encode_situation

HIDDEN = 256
PATCH = 4


def cosine_features(grid: int, count: int) -> Tensor:
    """Cells of a grid as products of cosines in y and x, the `count` of lowest frequency: float32 [grid * grid, count].

    >>> cosine_features(4, 3).shape
    torch.Size([16, 3])
    """
    wave = torch.cos(math.pi * torch.arange(grid)[:, None] * (torch.arange(grid) + 0.5)[None] / grid)
    frequency = torch.arange(grid)
    radius = (frequency[:, None] ** 2 + frequency[None] ** 2).flatten()
    lowest = radius.argsort(stable=True)[:count]
    y, x = wave[lowest // grid], wave[lowest % grid]
    return torch.einsum("fy,fx->yxf", y, x).reshape(grid * grid, -1).contiguous()


class LaptopPolicy(ComponentPolicy):
    """Policy of patches, two layers, a conditioning MLP and linear heads. About 0.7 M parameters, 1 M for color.

    It has no LSTM, so the step of the episode is one of its inputs. A conditional policy also has a pointer to the
    cells of the grid, see `learners.networks.pointer`.

    Raises:
        ValueError: H or W is not a multiple of 8, or a conditional policy's grid does not divide them.
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
        self.value = FullLinear(HIDDEN, 1)
        self.keys = CellKeys((height, width, channels), spec.grid) if conditional else None
        self.heads = nn.ModuleList(
            PointerHead(HIDDEN, component.size)
            if conditional and component.location
            else FullLinear(HIDDEN, component.size)
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
        """Features [N, 256] of canvas and situation."""
        seen = self.seen(inputs)
        count, height, width, channels = seen.shape
        rows, columns = height // PATCH, width // PATCH
        # [N, rows, P, columns, P, C] -> [N, rows/2, 2, columns/2, 2, P*P*C], so that quads are neighbors in memory.
        # Bytes are moved rather than floats, which are four times as many.
        patches = seen.view(count, rows // 2, 2, PATCH, columns // 2, 2, PATCH * channels)
        patches = patches.permute(0, 1, 4, 2, 5, 3, 6).reshape(count, rows * columns, -1)
        ink = patches.float().mul_(-1 / 255).add_(1.0)
        grid = functional.relu(self.patches(ink) + self.patch_position)
        grid = functional.relu(self.quads(grid.view(count, rows * columns // 4, -1)))
        hidden = functional.relu(
            self.flat(grid.flatten(1)) + self.situation(encode_situation(self.spec, self.num_actions, inputs))
        )
        # Kept in float32, as the decoding state is all along: sums in bfloat16 would lose what the heads keep.
        return hidden.float() + functional.relu(self.mix(hidden))

    def context(self, inputs: PolicyInputs) -> Tensor | None:
        """Keys of the grid's cells for a conditional policy, else None."""
        return None if self.keys is None else self.keys(self.seen(inputs))

    def state_value(self, core: Tensor) -> Tensor:
        """Linear value of the features."""
        value: Tensor = self.value(core)[:, 0]
        return value

    def logits(self, column: int, hidden: Tensor, context: Tensor | None) -> Tensor:
        """Linear logits, plus the pointer's for the locations of a conditional policy."""
        head = self.heads[column]
        logits: Tensor = head(hidden, context) if isinstance(head, PointerHead) else head(hidden)
        return logits

    def condition(self, column: int, hidden: Tensor, value: Tensor) -> Tensor:
        """`hidden + ReLU(W hidden + E value)`; a location enters by its low-frequency cosines."""
        component = self.spec.components[column]
        encoded = self.cosines.index_select(0, value) if component.location else one_hot(value, component.size)
        update = self.residuals[str(column)](hidden) + self.embeddings[str(column)](encoded)
        return hidden + functional.relu(update)
