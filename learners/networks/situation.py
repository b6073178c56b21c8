"""Encodings of a situation as numbers: locations, coordinates, and the inputs of policies without an LSTM."""

from __future__ import annotations

import torch
from torch import Tensor

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


def encode_situation(spec: ActionSpec, num_actions: int, inputs: PolicyInputs) -> Tensor:
    """Noise, step and previous action as float32 [N, E], for policies without an LSTM.

    E is the sum of the noise's size, `num_actions`, and for each component 2 (a location) or its size. Components that
    did not count are zero.
    """
    mask = spec.mask(inputs.previous_action)
    # Inputs after the last action occur only beside episodes that go on, and their values are not used.
    step = inputs.step.clamp_max(num_actions - 1)
    parts = [inputs.noise, one_hot(step, num_actions)]
    for column, component in enumerate(spec.components):
        value = inputs.previous_action[:, column]
        location = component.location
        encoded = unit_location(value, spec.grid) if location else one_hot(value, component.size)
        parts.append(encoded * mask[:, column, None])
    return torch.cat(parts, 1)


def coordinate_planes(height: int, width: int) -> Tensor:
    """Coordinates y and x of each pixel in [-1, 1], float32 [2, H, W]."""
    y, x = torch.meshgrid(torch.linspace(-1, 1, height), torch.linspace(-1, 1, width), indexing="ij")
    return torch.stack([y, x])
