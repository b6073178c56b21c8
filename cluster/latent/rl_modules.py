"""TD3's networks as an RLModule, for RLlib's learner groups."""

from __future__ import annotations

from typing import Any

import torch
from ray.rllib.core.columns import Columns
from ray.rllib.core.rl_module.torch.torch_rl_module import TorchRLModule

from actors.transition_rollout import ActionRange, observation_size
from learners.networks.td3 import TD3Networks


class TD3Module(TorchRLModule):
    """Actor, critics and their slow copies. `model_config` holds `td3`, the `TD3Settings`, and `seed`."""

    def setup(self) -> None:
        """Build the network; RLlib's hook."""
        assert isinstance(self.model_config, dict)
        assert self.action_space is not None and self.observation_space is not None  # noqa: PT018
        torch.manual_seed(self.model_config["seed"])
        actions = ActionRange(self.action_space)
        self.network = TD3Networks(
            observation_size(self.observation_space), actions.size, self.model_config["td3"].hidden
        )

    def _forward(self, batch: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
        """Compute the policy's actions [B, A] in [-1, 1], without noise."""
        return {Columns.ACTIONS: self.network.actor(batch[Columns.OBS].flatten(1).float())}
