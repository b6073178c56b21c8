"""TD3's networks: actor, twin critics, and their target networks (Fujimoto et al. 2018, arXiv 1802.09477)."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

FINAL_SCALE = 3e-3
"""Bound of the actor's last weights at the start. It is small, so that the first actions are near the middle of the
range, where the tanh has a slope."""


def mlp(sizes: Sequence[int]) -> nn.Sequential:
    """Linear layers of these sizes with ReLU between them."""
    layers: list[nn.Module] = []
    for before, after in pairwise(sizes):
        layers += [nn.Linear(before, after), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


class Actor(nn.Module):
    """Deterministic policy for flat observations.

    Args:
        observation_size: O.
        action_size: A.
        hidden: widths of the hidden layers.
    """

    def __init__(self, observation_size: int, action_size: int, hidden: Sequence[int] = (256, 256)) -> None:
        super().__init__()
        self.body = mlp([observation_size, *hidden, action_size])
        last = self.body[-1]
        assert isinstance(last, nn.Linear)
        nn.init.uniform_(last.weight, -FINAL_SCALE, FINAL_SCALE)
        nn.init.uniform_(last.bias, -FINAL_SCALE, FINAL_SCALE)

    def unsquashed(self, observation: Tensor) -> Tensor:
        """Argument float32 [B, A] of the tanh, for observations float32 [B, O]."""
        argument: Tensor = self.body(observation)
        return argument

    def forward(self, observation: Tensor) -> Tensor:
        """Actions float32 [B, A] in [-1, 1] for observations float32 [B, O]."""
        return torch.tanh(self.unsquashed(observation))


class TwinCritic(nn.Module):
    """Two independent estimates of the return of actions float32 [B, A] in [-1, 1] in observations [B, O]."""

    def __init__(self, observation_size: int, action_size: int, hidden: Sequence[int] = (256, 256)) -> None:
        super().__init__()
        self.first = mlp([observation_size + action_size, *hidden, 1])
        self.second = mlp([observation_size + action_size, *hidden, 1])

    def forward(self, observation: Tensor, action: Tensor) -> tuple[Tensor, Tensor]:
        """Both estimates, float32 [B] each."""
        both = torch.cat([observation, action], 1)
        return self.first(both)[:, 0], self.second(both)[:, 0]

    def one(self, observation: Tensor, action: Tensor) -> Tensor:
        """The first estimate alone, float32 [B], which the actor maximizes."""
        value: Tensor = self.first(torch.cat([observation, action], 1))[:, 0]
        return value


class TD3Networks(nn.Module):
    """Actor and twin critics of TD3, and their slowly moving copies, the target networks."""

    def __init__(self, observation_size: int, action_size: int, hidden: Sequence[int] = (256, 256)) -> None:
        super().__init__()
        self.actor = Actor(observation_size, action_size, hidden)
        self.critic = TwinCritic(observation_size, action_size, hidden)
        self.target_actor = copy.deepcopy(self.actor).requires_grad_(False)
        self.target_critic = copy.deepcopy(self.critic).requires_grad_(False)
