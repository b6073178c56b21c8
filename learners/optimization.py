"""Helpers that all learners share: schedules, gradients of several processes, losses that are not finite."""

from __future__ import annotations

from collections.abc import Callable

from torch import nn

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
