"""A check of weights that may be a stranger's, before a network of their size is made."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn


def require_fit(make: Callable[[], nn.Module], weights: Mapping[str, Tensor], what: str) -> None:
    """Refuse weights that are not those of a network, or not numbers; nothing of its size is allocated.

    Args:
        make: Makes the network.
        weights: By name.
        what: The network, to begin the error with.

    Raises:
        ValueError: One line that names the first tensor that is wrong.

    Example:
        >>> require_fit(lambda: nn.Linear(3, 2), nn.Linear(3, 2).state_dict(), "policy")
        >>> require_fit(lambda: nn.Linear(10**9, 10**6), nn.Linear(3, 2).state_dict(), "policy")
        Traceback (most recent call last):
        ValueError: policy: the settings want weight of (1000000, 1000000000), the checkpoint has (2, 3)
    """
    try:
        wanted = shapes(make)
    except (RuntimeError, TypeError, OverflowError, ArithmeticError) as error:
        raise ValueError(f"{what}: these settings make no network: {str(error).splitlines()[0][:200]}") from None
    for name in sorted(wanted.keys() | weights.keys()):
        if name not in weights or name not in wanted:
            missing = "the checkpoint lacks" if name not in weights else "the settings know no"
            raise ValueError(f"{what}: {missing} {name[:100]}")
    for name, shape in wanted.items():
        tensor = weights[name]
        if tuple(tensor.shape) != shape:
            raise ValueError(f"{what}: the settings want {name} of {shape}, the checkpoint has {tuple(tensor.shape)}")
        if tensor.is_floating_point() and not torch.isfinite(tensor.float()).all():
            raise ValueError(f"{what}: {name} of the checkpoint holds numbers that are not finite")
        if tensor.is_complex() or tensor.dtype == torch.bool:
            raise ValueError(f"{what}: {name} of the checkpoint is of {tensor.dtype}")


def shapes(make: Callable[[], nn.Module]) -> dict[str, tuple[int, ...]]:
    """Shapes of a network's weights, by name; it is made without memory."""
    with torch.device("meta"):
        network = make()
    return {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}
