"""Sampling from log-probabilities, and the entropy of decisions that are made one after the other."""

from __future__ import annotations

import torch
from torch import Tensor


def joint_entropy(entropies: list[Tensor], log_probs: list[Tensor]) -> Tensor:
    """Joint entropy [N] of an action's decisions.

    The value is the sum of the entropies. The gradient also has the effect of a decision on the entropy of later ones
    (score function, less the mean over the rows). Without it the entropy bonus never favors painting, which opens all
    other decisions, and a policy that is paid nothing at first stops painting.

    Args:
        entropies: [N] each, in the order of decoding, masked: a decision's entropy given the decisions before it.
        log_probs: [N] each, likewise: the log-probability of what was decided.
    """
    total = torch.zeros_like(entropies[0])
    for entropy, log_prob in zip(reversed(entropies), reversed(log_probs), strict=True):
        opened = (total - total.mean()).detach()
        total = total + entropy + opened * (log_prob - log_prob.detach())
    return total


def sample_categorical(logits: Tensor) -> Tensor:
    """Samples int64 [N] from logits, or log-probabilities, float32 [N, M], by inverting the distribution function.

    It takes one random number for each row. On CPUs the random numbers of Gumbel sampling, one for each of 1024
    locations, cost more than the network's layer.
    """
    cumulative = logits.softmax(1).cumsum(1)
    threshold = torch.rand(len(logits), 1, device=logits.device) * cumulative[:, -1:]
    index = (cumulative <= threshold).sum(1)
    # In float32 the product stays below the last entry; the bound is for devices that round sums differently.
    return index.clamp_max(logits.shape[1] - 1)
