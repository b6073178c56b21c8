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
from learners.networks.autoregressive import ComponentPolicy
from learners.networks.heads import FullLinear
from learners.networks.looking import RememberedLook
from learners.networks.one_hot import one_hot
from learners.networks.pointer import CellKeys, PointerHead
from learners.networks.policy import PolicyInputs
from learners.networks.situation import SituationEncoding
from learners.precision import computed_dtype

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


def patch_words(rows: int, columns: int, channels: int) -> Tensor:
    """Order of a canvas's words of four bytes by patches, quads of neighboring patches together: int64 [words].

    A row of a patch, PATCH * C bytes, is C words. Moving words takes a quarter of the time of moving bytes.

    >>> patch_words(2, 2, 1).tolist()
    [0, 2, 4, 6, 1, 3, 5, 7, 8, 10, 12, 14, 9, 11, 13, 15]
    """
    words = torch.arange(rows * PATCH * columns * channels)
    # [rows, P, columns, C] -> [rows/2, columns/2, 2, 2, P, C]
    return words.view(rows // 2, 2, PATCH, columns // 2, 2, channels).permute(0, 3, 1, 4, 2, 5).flatten()


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
        self.remembered: RememberedLook | None = None
        rows, columns = height // PATCH, width // PATCH
        self.cells = rows * columns
        self.patch_words: Tensor
        self.register_buffer("patch_words", patch_words(rows, columns, channels), persistent=False)
        self.patches = nn.Linear(PATCH * PATCH * channels, 32)
        self.patch_position = nn.Parameter(torch.randn(rows * columns, 32) * 0.1)
        self.quads = nn.Linear(4 * 32, 64)
        self.flat = nn.Linear(rows * columns // 4 * 64, HIDDEN)
        self.encoding = SituationEncoding(spec, num_actions)
        self.situation = nn.Sequential(
            nn.Linear(noise_size + self.encoding.size, 128), nn.ReLU(inplace=True), nn.Linear(128, HIDDEN)
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

    def cut(self, image: Tensor) -> Tensor:
        """Patches of images uint8 [N, H, W, C], in the order of `patch_words`: uint8 [N * cells, PATCH * PATCH * C]."""
        count = len(image)
        words = image.reshape(count, -1).view(torch.int32)
        return words.gather(1, self.patch_words.expand(count, -1)).view(torch.uint8).view(count * self.cells, -1)

    def look(self, seen: Tensor) -> Tensor:
        """Look at images uint8 [N, H, W, C]: their part of the features, float [N, 256]."""
        count = len(seen)
        ink = (~self.cut(seen)).to(computed_dtype(seen.device)).mul_(1 / 255)
        grid = self.patches(ink)
        grid = functional.relu_(grid.view(count, self.cells, -1) + self.patch_position.to(grid.dtype))
        grid = functional.relu_(self.quads(grid.view(count, self.cells // 4, -1)))
        hidden: Tensor = self.flat(grid.flatten(1))
        return hidden

    def features(self, inputs: PolicyInputs) -> Tensor:
        """Features [N, 256] of canvas and situation. Images that are the same are looked at once."""
        seen = self.seen(inputs)
        if self.remembered is not None:
            looked = self.remembered(seen).float()
        elif inputs.plan is not None:
            # In float32, so that the gradients of all steps that have an image in common are summed without rounding.
            looked = functional.embedding(inputs.plan.look_of, self.look(seen[inputs.plan.looks]).float())
        else:
            looked = self.look(seen).float()
        hidden = functional.relu_(looked + self.situation(self.encoding(inputs)))
        # Kept in float32, as the decoding state is all along: sums in bfloat16 would lose what the heads keep.
        return hidden + functional.relu_(self.mix(hidden))

    def fuse(self) -> None:
        """Remember what was seen; see `PaintPolicy.fuse`."""
        super().fuse()
        self.remembered = RememberedLook(self.look)

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
        update: Tensor = self.residuals[str(column)](hidden).add_(self.embeddings[str(column)](encoded))
        return hidden + functional.relu_(update)
