"""V-trace (Espeholt et al. 2018, IMPALA, section 4.1): returns of a policy from trajectories of an older policy."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass
class VTraceReturns:
    """Value targets and advantages of one batch.

    Attributes:
        vs: float32 [T, B], value targets v_s (equation 1).
        advantages: float32 [T, B], rho_s (r_s + gamma_s v_{s+1} - V(x_s)), the weights of the policy gradient.
        truncated: float32 [], share of the importance weights that `rho_bar` cut away, in [0, 1]: 0 on-policy, near 1
            if the target policy has moved far from the behavior policy.
    """

    vs: Tensor
    advantages: Tensor
    truncated: Tensor


@torch.no_grad()
def vtrace(
    behavior_log_prob: Tensor,
    target_log_prob: Tensor,
    rewards: Tensor,
    discounts: Tensor,
    values: Tensor,
    bootstrap_value: Tensor,
    *,
    rho_bar: float = 1.0,
    c_bar: float = 1.0,
) -> VTraceReturns:
    """V-trace targets with lambda = 1.

    Args:
        behavior_log_prob: float32 [T, B], log-probability of the action under the behavior policy, which acted.
        target_log_prob: float32 [T, B], the same under the target policy, which learns.
        rewards: float32 [T, B].
        discounts: float32 [T, B], gamma_t; 0 if the episode ended with this step.
        values: float32 [T, B], V(x_t) of the target policy.
        bootstrap_value: float32 [B], V(x_T); has no effect if `discounts[-1]` is 0.
        rho_bar: upper bound of the ratios in the temporal differences. Lower: less variance, and values nearer to those
            of the behavior policy.
        c_bar: upper bound of the trace coefficients. Lower: corrections are carried less far back.

    Example:
        On-policy, V-trace is the discounted return.

        >>> rewards, zeros = torch.tensor([[0.0], [0.0], [1.0]]), torch.zeros(3, 1)
        >>> discounts = torch.tensor([[0.5], [0.5], [0.0]])
        >>> vtrace(zeros, zeros, rewards, discounts, zeros, torch.zeros(1)).vs.flatten().tolist()
        [0.25, 0.5, 1.0]
    """
    ratio = (target_log_prob - behavior_log_prob).exp()
    rho, c = ratio.clamp_max(rho_bar), ratio.clamp_max(c_bar)
    next_values = torch.cat([values[1:], bootstrap_value[None]])
    deltas = rho * (rewards + discounts * next_values - values)
    correction = torch.zeros_like(bootstrap_value)
    corrections = []
    for t in reversed(range(len(rewards))):
        correction = deltas[t] + discounts[t] * c[t] * correction
        corrections.append(correction)
    vs = values + torch.stack(corrections[::-1])
    next_vs = torch.cat([vs[1:], bootstrap_value[None]])
    advantages = rho * (rewards + discounts * next_vs - values)
    return VTraceReturns(vs, advantages, 1 - rho.mean() / ratio.mean().clamp_min(1e-8))
