"""Imitating what a search chose (expert iteration: Anthony et al. 2017, arXiv 1705.08439)."""

from __future__ import annotations

from torch import Tensor


def imitation_loss(log_prob: Tensor, weight: Tensor) -> Tensor:
    """Weighted mean of the negative log-likelihood of chosen actions.

    Args:
        log_prob: float32 [...], of the search's choices under the policy.
        weight: float32 [...], of each; 0 leaves it out.

    Returns:
        Scalar; 0 where all weights are.
    """
    return -(weight * log_prob).sum() / weight.sum().clamp_min(1e-6)
