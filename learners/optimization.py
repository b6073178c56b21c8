"""Helpers that all learners share: schedules, steps of an optimizer, losses that are not finite."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn

ReduceGradients = Callable[[nn.Module], None]
"""Average of a network's gradients over several learners, in place, between the backward pass and the step."""


class NonFiniteLoss(RuntimeError):
    """A loss or gradient that became NaN or infinite."""


def interpolate(start: float, end: float, progress: float) -> float:
    """Linear schedule from `start` at progress 0 to `end` at progress 1, constant outside.

    >>> interpolate(1e-3, 0.0, 0.25)
    0.00075
    """
    return start + (end - start) * min(max(progress, 0.0), 1.0)


def set_learning_rate(optimizer: torch.optim.Optimizer, learning_rate: float) -> None:
    """Set the step size of all parameter groups."""
    for group in optimizer.param_groups:
        group["lr"] = learning_rate


def descend(
    loss: Tensor,
    network: nn.Module,
    optimizer: torch.optim.Optimizer,
    reduce_gradients: ReduceGradients | None,
    name: str,
    clip: float = torch.inf,
) -> Tensor:
    """Take one step of the optimizer and return the norm of the gradient, float32 [], before it was cut to `clip`.

    Raises:
        NonFiniteLoss: the loss or the gradient is not finite; no weight was changed. `name` says which update it was.
    """
    optimizer.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    if reduce_gradients:
        reduce_gradients(network)
    norm = nn.utils.clip_grad_norm_(network.parameters(), clip)
    if not torch.isfinite(loss + norm):
        raise NonFiniteLoss(f"{name}: loss {loss.item():.4g}, gradient norm {norm.item():.4g}")
    optimizer.step()
    return norm


def read(metrics: Mapping[str, Tensor]) -> dict[str, float]:
    """Copy scalars from their device in one transfer, for which the host waits once instead of once for each.

    >>> read({"loss": torch.tensor(0.5), "lag": torch.tensor(2)})
    {'loss': 0.5, 'lag': 2.0}
    """
    if not metrics:
        return {}
    values: list[float] = torch.stack([value.detach().float() for value in metrics.values()]).tolist()
    return dict(zip(metrics, values, strict=True))
