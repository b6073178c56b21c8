"""The painter's networks as RLModules, for RLlib's learner groups, actors and checkpoints."""

from __future__ import annotations

from typing import Any

import torch
from ray.rllib.core.columns import Columns
from ray.rllib.core.rl_module.torch.torch_rl_module import TorchRLModule
from torch import Tensor

from cluster.painter.settings import PainterSettings
from learners.networks.build import build_discriminator, build_policy
from learners.networks.policy import PolicyInputs
from learners.precision import autocast


def run_settings(module: TorchRLModule) -> PainterSettings:
    """Return the run's settings, which a module gets in its `model_config`."""
    assert isinstance(module.model_config, dict)
    settings: PainterSettings = module.model_config["settings"]
    return settings


class PolicyModule(TorchRLModule):
    """The painting policy. `model_config["settings"]` is the `PainterSettings`.

    Its forward pass is RLlib's for acting with a stateful module: previous action, step, noise and recurrent state
    travel in `state_in` / `state_out`, so RLlib's own runners can paint with it too.
    """

    def setup(self) -> None:
        """Build the network; RLlib's hook."""
        settings = run_settings(self)
        world = settings.world
        self.precision = settings.policy.precision
        torch.manual_seed(settings.system.seed)
        self.network = build_policy(settings.policy, world.action_spec, world.canvas_shape, world.num_actions)

    def get_initial_state(self) -> dict[str, Tensor]:
        """Return the state of one canvas before its first step; noise is drawn at step 0."""
        return {
            "previous_action": torch.zeros(len(self.network.spec.components), dtype=torch.long),
            "step": torch.zeros(1, dtype=torch.long),
            "noise": torch.zeros(self.network.noise_size),
            "core": torch.zeros(self.network.state_size),
        }

    def _forward(self, batch: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
        state = batch[Columns.STATE_IN]
        canvas = batch[Columns.OBS]["canvas"]
        sequence = canvas.ndim == 5  # RLlib's connectors add a time dimension of 1 for stateful modules
        canvas = canvas[:, 0] if sequence else canvas
        step = state["step"][:, 0].long()
        noise = torch.where((step == 0)[:, None], torch.randn_like(state["noise"]), state["noise"])
        inputs = PolicyInputs(canvas.to(torch.uint8), state["previous_action"].long(), step, noise)
        with autocast(self.precision, canvas.device):
            choice = self.network.act(inputs, state["core"])
        return {
            Columns.ACTIONS: choice.action[:, None] if sequence else choice.action,
            Columns.ACTION_LOGP: choice.log_prob[:, None] if sequence else choice.log_prob,
            Columns.STATE_OUT: {
                "previous_action": choice.action,
                "step": (step + 1)[:, None],
                "noise": noise,
                "core": choice.state,
            },
        }


class DiscriminatorModule(TorchRLModule):
    """The discriminator. `model_config["settings"]` is the `PainterSettings`."""

    def setup(self) -> None:
        """Build the network; RLlib's hook."""
        settings = run_settings(self)
        torch.manual_seed(settings.system.seed + 1)
        self.network = build_discriminator(settings.discriminator, settings.discriminator_shape, settings.joint)

    def _forward(self, batch: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
        return {"scores": self.network(batch[Columns.OBS])}
