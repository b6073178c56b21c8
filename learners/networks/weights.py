"""A network's weights as one block of memory, the form in which they travel from learners to actors."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn


@dataclass(frozen=True)
class FlatWeights:
    """Parameters and buffers of a network, one after the other.

    One array travels in place of one for each tensor (SPIRAL's policy has 190): one copy from the device, one object
    to pickle, one buffer in Ray's store.

    Attributes:
        values: float32 [N].
        layout: name, shape in memory, and whether the channels come last there, of each tensor, in the order of
            `values`.

    Example:
        >>> first, second = nn.Linear(3, 2), nn.Linear(3, 2)
        >>> weights = FlatWeights.of(first)
        >>> weights.values.shape, weights.layout
        ((8,), (('weight', (2, 3), False), ('bias', (2,), False)))
        >>> weights.load_into(second)
        >>> torch.equal(first.weight, second.weight)
        True
    """

    values: NDArray[np.float32]
    layout: tuple[tuple[str, tuple[int, ...], bool], ...]

    @classmethod
    def of(cls, network: nn.Module) -> FlatWeights:
        """Copy the weights of `network`, which may be on any device.

        Raises:
            ValueError: a tensor is not float32.
        """
        tensors = network.state_dict()
        for name, tensor in tensors.items():
            if tensor.dtype != torch.float32:
                raise ValueError(f"{name}: weights travel as float32, got {tensor.dtype}")
        parts, layout = [], []
        for name, tensor in tensors.items():
            last = tensor.ndim == 4 and not tensor.is_contiguous()  # to turn them round would cost more than to send
            part = tensor.movedim(1, -1) if last else tensor
            parts.append(part.flatten())
            layout.append((name, tuple(part.shape), last))
        return cls(torch.cat(parts).cpu().numpy(), tuple(layout))

    def tensors(self, device: torch.device | None = None) -> dict[str, Tensor]:
        """The weights by name, as views of one copy on `device`."""
        flat = torch.tensor(self.values, device=device)
        named, start = {}, 0
        for name, shape, last in self.layout:
            end = start + math.prod(shape)
            tensor = flat[start:end].view(shape)
            named[name] = tensor.movedim(-1, 1) if last else tensor
            start = end
        return named

    def load_into(self, network: nn.Module) -> None:
        """Copy the weights into `network`.

        Raises:
            RuntimeError: it is another network.
        """
        network.load_state_dict(self.tensors(next(network.parameters()).device))
