"""Decoding that leaves out the components that a move does not use."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from envs.spec import ActionSpec
from learners.networks.plan import rounded
from learners.networks.sampling import sample_categorical

if TYPE_CHECKING:
    from learners.networks.autoregressive import ComponentPolicy


def only_paints(spec: ActionSpec, place: int) -> bool:
    """Test whether all decisions from this place of the decoding order on count for actions that paint alone."""
    rest = spec.decode_order[place:]
    return spec.flag not in rest and bool(spec.painting_only[list(rest)].all())


def filled_up(rows: Tensor, total: int) -> Tensor:
    """Rows int64 [R] out of `total`, filled up by the first one to a number that `rounded` gives."""
    missing = rounded(len(rows), total) - len(rows)
    return torch.cat([rows, rows[:1].expand(missing)]) if missing else rows


def decode_used(policy: ComponentPolicy, hidden: Tensor, context: Tensor | None, step: Tensor) -> tuple[Tensor, Tensor]:
    """Sample actions as `ComponentPolicy.decode` does; components that an action does not use are 0."""
    order, flag = policy.spec.decode_order, policy.spec.flag
    action = torch.zeros(len(hidden), len(order), dtype=torch.long, device=hidden.device)
    log_prob = torch.zeros(len(hidden), device=hidden.device)
    rows = torch.arange(len(hidden), device=hidden.device)
    whole = True
    for place, column in enumerate(order):
        log_p = policy.log_softmax(column, hidden, context, step)
        value = sample_categorical(log_p)
        action[rows, column] = value[: len(rows)]
        log_prob[rows] += log_p.gather(1, value[:, None])[: len(rows), 0]
        rest = order[place + 1 :]
        if not rest:
            break
        hidden = policy.condition(column, hidden, value)
        if whole and only_paints(policy.spec, place + 1):
            whole = False
            rows = action[:, flag].nonzero()[:, 0]
            if not len(rows):
                break
            few = filled_up(rows, len(action))
            hidden, step = hidden[few], step[few]
            context = None if context is None else context[few]
    return action, log_prob
