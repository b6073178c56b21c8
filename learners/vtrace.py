"""V-trace (Espeholt et al. 2018, IMPALA, section 4.1): returns of a policy from trajectories of an older one."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass
class VTraceReturns:
    """Targets of one batch.

    Attributes:
        vs: float32 [T, B], value targets v_s (equation 1).
        advantages: float32 [T, B], rho_s (r_s + gamma_s v_{s+1} - V(x_s)), the weight of the policy gradient.
        truncated: float32 [], share of the importance weights that ``rho_bar`` cut away, in [0, 1]: 0 on-policy,
            towards 1 where the policy that learns has moved far from the one that acted.
    """

    vs: Tensor
    advantages: Tensor
    truncated: Tensor


@torch.no_grad()
def vtrace(
    behaviour_log_prob: Tensor,
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
        behaviour_log_prob: float32 [T, B], log-probability of the action under the policy that acted.
        target_log_prob: float32 [T, B], the same under the policy that learns.
        rewards: float32 [T, B].
        discounts: float32 [T, B], gamma_t; 0 where the episode ended with this step.
        values: float32 [T, B], V(x_t) of the policy that learns.
        bootstrap_value: float32 [B], V(x_T); has no effect where ``discounts[-1]`` is 0.
        rho_bar: upper bound of the ratios in the temporal differences. Lower: less variance, a value nearer to
            the acting policy's.
        c_bar: upper bound of the trace coefficients. Lower: corrections travel less far back.
    """
    ratio = (target_log_prob - behaviour_log_prob).exp()
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
