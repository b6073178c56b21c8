"""TD3's networks: an actor, twin critics, and a slow copy of both (Fujimoto et al. 2018, arXiv 1802.09477)."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

#: Bound of the actor's last weights at the start. Small: its first actions are near the middle of the range, where the
#: tanh has a slope.
FINAL_SCALE = 3e-3


def mlp(sizes: Sequence[int]) -> nn.Sequential:
    """Linear layers of these widths with a ReLU between each two."""
    layers: list[nn.Module] = []
    for before, after in pairwise(sizes):
        layers += [nn.Linear(before, after), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


class Actor(nn.Module):
    """Observation float32 [B, O] to action float32 [B, A] in [-1, 1]."""

    def __init__(self, observation_size: int, action_size: int, hidden: Sequence[int] = (256, 256)) -> None:
        super().__init__()
        self.body = mlp([observation_size, *hidden, action_size])
        last = self.body[-1]
        assert isinstance(last, nn.Linear)
        nn.init.uniform_(last.weight, -FINAL_SCALE, FINAL_SCALE)
        nn.init.uniform_(last.bias, -FINAL_SCALE, FINAL_SCALE)

    def unsquashed(self, observation: Tensor) -> Tensor:
        """What the tanh is applied to, float32 [B, A]."""
        found: Tensor = self.body(observation)
        return found

    def forward(self, observation: Tensor) -> Tensor:
        return torch.tanh(self.unsquashed(observation))


class TwinCritic(nn.Module):
    """Two independent estimates of the return of an action. Observation [B, O], action [B, A] in [-1, 1]."""

    def __init__(self, observation_size: int, action_size: int, hidden: Sequence[int] = (256, 256)) -> None:
        super().__init__()
        self.first = mlp([observation_size + action_size, *hidden, 1])
        self.second = mlp([observation_size + action_size, *hidden, 1])

    def forward(self, observation: Tensor, action: Tensor) -> tuple[Tensor, Tensor]:
        """Both estimates, float32 [B] each."""
        both = torch.cat([observation, action], 1)
        return self.first(both)[:, 0], self.second(both)[:, 0]

    def one(self, observation: Tensor, action: Tensor) -> Tensor:
        """The first estimate alone, float32 [B]: what the actor climbs."""
        value: Tensor = self.first(torch.cat([observation, action], 1))[:, 0]
        return value


class TD3Networks(nn.Module):
    """All that TD3 learns, and the slow copies that its targets are made of."""

    def __init__(self, observation_size: int, action_size: int, hidden: Sequence[int] = (256, 256)) -> None:
        super().__init__()
        self.actor = Actor(observation_size, action_size, hidden)
        self.critic = TwinCritic(observation_size, action_size, hidden)
        self.target_actor = copy.deepcopy(self.actor).requires_grad_(False)
        self.target_critic = copy.deepcopy(self.critic).requires_grad_(False)
