"""Encodings of a situation as numbers: locations, coordinates, and the inputs of policies without an LSTM."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from envs.spec import ActionSpec
from learners.networks.one_hot import one_hot
from learners.networks.policy import PolicyInputs


def unit_location(value: Tensor, grid: int) -> Tensor:
    """Cells int64 [N] of a grid as (y, x) in [-1, 1], float32 [N, 2].

    >>> unit_location(torch.tensor([0, 5, 15]), grid=4)[[0, 2]].tolist()
    [[-1.0, -1.0], [1.0, 1.0]]
    """
    y = torch.div(value, grid, rounding_mode="floor")
    return torch.stack([y, value - y * grid], -1).float() * (2 / (grid - 1)) - 1


class SituationEncoding(nn.Module):
    """Encoding of noise, step and previous action, for policies without an LSTM.

    All but the noise is a sum of rows of one fixed table: a single operation instead of some for each component, which
    on a CPU take longer to call than to compute.

    Args:
        spec: components of an action.
        num_actions: actions of an episode.

    Attributes:
        size: numbers besides the noise: `num_actions`, and for each component 2 (a location) or its size.
    """

    def __init__(self, spec: ActionSpec, num_actions: int) -> None:
        super().__init__()
        self.spec, self.num_actions = spec, num_actions
        widths = [2 if component.location else component.size for component in spec.components]
        self.size = num_actions + sum(widths)
        blocks, starts = [torch.eye(num_actions)], []
        for component, width in zip(spec.components, widths, strict=True):
            starts.append(sum(len(block) for block in blocks))
            values = torch.arange(component.size)
            rows = unit_location(values, spec.grid) if component.location else one_hot(values, component.size)
            blocks.append(torch.cat([rows, torch.zeros(1, width)]))  # the last one for a component that did not count
        self.table: Tensor
        self.starts: Tensor
        self.nothing: Tensor
        self.register_buffer("table", torch.block_diag(*blocks), persistent=False)  # type: ignore[no-untyped-call]
        self.register_buffer("starts", torch.tensor(starts), persistent=False)
        self.register_buffer("nothing", self.starts + torch.tensor(spec.sizes.tolist()), persistent=False)

    def forward(self, inputs: PolicyInputs) -> Tensor:
        """Noise, step and previous action as float32 [N, Z + size]; components that did not count are zero."""
        # Inputs after the last action occur only beside episodes that go on, and their values are not used.
        step = inputs.step.clamp_max(self.num_actions - 1)[:, None]
        action = inputs.previous_action
        rows = torch.where(self.spec.mask(action), action + self.starts, self.nothing)
        encoded = functional.embedding_bag(torch.cat([step, rows], 1), self.table, mode="sum")
        return torch.cat([inputs.noise, encoded], 1)


def coordinate_planes(height: int, width: int) -> Tensor:
    """Coordinates y and x of each pixel in [-1, 1], float32 [2, H, W]."""
    y, x = torch.meshgrid(torch.linspace(-1, 1, height), torch.linspace(-1, 1, width), indexing="ij")
    return torch.stack([y, x])
