"""A policy for CPUs that looks at every location with one network, and at the chosen location more closely.

The laptop policy's dense layers must learn for each location anew how a difference between canvas and target looks, and
how to read the color at a chosen location. Here one small network sees a window around each location. Its output scores
the location, and once the location is chosen it tells the heads of the other components what is there.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from envs.spec import ActionSpec
from learners.networks.autoregressive import ComponentPolicy
from learners.networks.heads import FullLinear
from learners.networks.one_hot import one_hot
from learners.networks.policy import PolicyInputs
from learners.networks.situation import SituationEncoding

HIDDEN = 256
LOCAL = 48
POOL = 2
"""Squares of `POOL` by `POOL` pixels are averaged; a window has `WINDOW` by `WINDOW` of them."""
WINDOW = 5
GLIMPSE = 12
"""Height and width in pixels of the glimpse at the chosen location."""


def window_cells(spec: ActionSpec, height: int, width: int, window: int) -> Tensor:
    """Flat indices int64 [M, window * window] of the window around each of M locations.

    They index a canvas of `height` by `width` that is padded by `window // 2` on every side.
    """
    # By NumPy, as a network without memory is made under torch's device "meta", which does not mix with another.
    corner = np.floor(spec.canvas_places * (height, width)).astype(np.int64).clip(0, (height - 1, width - 1))
    offset = np.arange(window)
    rows = corner[:, 0, None] + offset
    columns = corner[:, 1, None] + offset
    cells = rows[:, :, None] * (width + 2 * (window // 2)) + columns[:, None, :]
    return torch.from_numpy(cells.reshape(len(cells), -1))


class GlimpsePolicy(ComponentPolicy):
    """Policy of windows around all locations, seen by one network; maximum and mean describe the whole canvas.

    It has no LSTM, so the step of the episode is one of its inputs.

    Attributes:
        local: float [N, M, 48], features of the last inputs at each of M locations, for the decisions that follow. In
            the decoding state their gradient would be summed over as many copies as there are decisions.
        image: uint8 [N, P, C], the last inputs' pixels, padded, for the glimpse at the chosen location.

    Raises:
        ValueError: H or W is odd, or an action has not exactly one location.
    """

    local: Tensor
    image: Tensor
    rows_apart = False  # `local` and `image` hold all rows

    def __init__(
        self,
        spec: ActionSpec,
        canvas_shape: tuple[int, int, int],
        noise_size: int = 10,
        num_actions: int = 20,
        *,
        conditional: bool = False,
        blind: bool = False,
    ) -> None:
        super().__init__(spec, noise_size, conditional=conditional, blind=blind)
        height, width, channels = canvas_shape
        if height % POOL or width % POOL:
            raise ValueError(f"observation_size: the glimpse policy expects a multiple of {POOL}, got {height}x{width}")
        self.places = [column for column, component in enumerate(spec.components) if component.location]
        if len(self.places) != 1:
            raise ValueError(
                "network: the glimpse policy decides one location an action, as in scenes; this world has "
                f"{len(self.places)}, take laptop or paper"
            )
        channels *= 2 if conditional else 1
        self.num_actions = num_actions
        self.cells = spec.grid * spec.grid
        self.windows: Tensor
        self.glimpses: Tensor
        windows = window_cells(spec, height // POOL, width // POOL, WINDOW)
        self.register_buffer("windows", windows, persistent=False)
        self.register_buffer("glimpses", window_cells(spec, height, width, GLIMPSE), persistent=False)
        self.look = nn.Sequential(
            nn.Linear(WINDOW * WINDOW * (channels + 1), LOCAL, bias=False),
            nn.ReLU(),
            nn.Linear(LOCAL, LOCAL, bias=False),
            nn.ReLU(),
        )
        self.encoding = SituationEncoding(spec, num_actions)
        self.situation = nn.Sequential(nn.Linear(noise_size + self.encoding.size, 64), nn.ReLU(), nn.Linear(64, HIDDEN))
        self.whole = nn.Linear(2 * LOCAL, HIDDEN)
        self.mix = nn.Linear(HIDDEN, HIDDEN)
        self.value = FullLinear(HIDDEN, 1)
        self.heads = nn.ModuleDict(
            {
                str(column): FullLinear(HIDDEN, component.size)
                for column, component in enumerate(spec.components)
                if not component.location
            }
        )
        self.query = FullLinear(HIDDEN, LOCAL)
        self.here = nn.Linear(LOCAL, HIDDEN)
        self.glimpse = nn.Linear(GLIMPSE * GLIMPSE * channels, HIDDEN)
        deciding = [column for column in spec.decode_order[:-1] if column not in self.places]
        self.embeddings = nn.ModuleDict(
            {str(column): nn.Linear(spec.components[column].size, HIDDEN) for column in deciding}
        )
        self.residuals = nn.ModuleDict({str(column): nn.Linear(HIDDEN, HIDDEN) for column in deciding})

    def features(self, inputs: PolicyInputs) -> Tensor:
        """Features [N, 256] of canvas and situation; sets `local` and `image`."""
        seen = self.seen(inputs)
        count = len(seen)
        edge = GLIMPSE // 2
        self.image = functional.pad(seen, (0, 0, edge, edge, edge, edge), value=128).flatten(1, 2)
        corners = [seen[:, y::POOL, x::POOL].float() for y in range(POOL) for x in range(POOL)]
        squares = sum(corners[1:], corners[0]).div_(len(corners))
        margin = WINDOW // 2
        # A channel of ones serves as the bias, whose gradient, a sum over all windows, would cost more than the
        # products. The padding's zeros in it show the border.
        ones = torch.ones_like(squares[..., :1])
        squares = torch.cat([squares.mul_(1 / 127.5).sub_(1.0), ones], -1)
        padded = functional.pad(squares, (0, 0, margin, margin, margin, margin))
        windows = padded.flatten(1, 2).index_select(1, self.windows.flatten()).view(count * self.cells, -1)
        self.local = self.look(windows).view(count, self.cells, LOCAL)
        whole = self.whole(torch.cat([self.local.max(1).values, self.local.mean(1)], 1))
        hidden = functional.relu(whole + self.situation(self.encoding(inputs)))
        return hidden.float() + functional.relu(self.mix(hidden))  # kept in float32, see `learners.networks.heads`

    def state_value(self, core: Tensor) -> Tensor:
        """Linear value of the state."""
        value: Tensor = self.value(core)[:, 0]
        return value

    def logits(self, column: int, hidden: Tensor, context: Tensor | None) -> Tensor:
        """Linear logits; those of locations are products of a query and the features there."""
        if column not in self.places:
            logits: Tensor = self.heads[str(column)](hidden)
            return logits
        with torch.autocast(hidden.device.type, enabled=False):
            return torch.bmm(self.local.float(), self.query(hidden)[:, :, None])[:, :, 0]

    def condition(self, column: int, hidden: Tensor, value: Tensor) -> Tensor:
        """`hidden + ReLU(W hidden + E value)`; a location enters by the features and pixels there."""
        if column in self.places:
            rows = torch.arange(len(value), device=value.device)
            pixels = self.image[rows[:, None], self.glimpses[value]].flatten(1).float().mul_(1 / 127.5).sub_(1.0)
            return hidden + functional.relu(self.here(self.local[rows, value]) + self.glimpse(pixels))
        encoded = one_hot(value, self.spec.components[column].size)
        return hidden + functional.relu(self.residuals[str(column)](hidden) + self.embeddings[str(column)](encoded))
