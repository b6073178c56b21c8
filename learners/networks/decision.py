"""Log-probability and entropy of a categorical decision, with gradients in few passes over memory."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


class Decision(torch.autograd.Function):
    """Log-probability of what was chosen, and entropy; once differentiable.

    Probabilities come from a softmax: where they are too small for float32, torch's `exp` takes ten times as long.
    """

    @staticmethod
    def forward(ctx: Any, logits: Tensor, chosen: Tensor) -> tuple[Tensor, Tensor]:
        """Log-probability and entropy float32 [N] for logits float32 [N, M] and chosen int64 [N]."""
        log_p, p = torch.log_softmax(logits, 1), torch.softmax(logits, 1)
        entropy = -(p * log_p).sum(1)
        ctx.save_for_backward(log_p, p, entropy, chosen)
        return log_p.gather(1, chosen[:, None])[:, 0], entropy

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        """Gradient of the logits: `g (one-hot - p) - h p (log p + entropy)` for gradients g and h."""
        of_log_prob, of_entropy = gradients
        log_p, p, entropy, chosen = ctx.saved_tensors
        slope = log_p + entropy[:, None]
        slope.mul_(of_entropy[:, None]).add_(of_log_prob[:, None]).mul_(p).neg_()
        return slope.scatter_add_(1, chosen[:, None], of_log_prob[:, None]), None


def log_prob_and_entropy(logits: Tensor, chosen: Tensor) -> tuple[Tensor, Tensor]:
    """Log-probability of what was chosen and entropy, float32 [N] each, from logits float32 [N, M] and int64 [N].

    >>> log_prob, entropy = log_prob_and_entropy(torch.zeros(1, 4), torch.tensor([2]))
    >>> round(log_prob.item(), 4), round(entropy.item(), 4)
    (-1.3863, 1.3863)
    """
    result: tuple[Tensor, Tensor] = Decision.apply(logits, chosen)  # type: ignore[no-untyped-call]
    return result
