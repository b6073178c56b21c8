"""Policy of a trained agent of the latent world, as a function of NumPy arrays."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from cluster.errors import UserError, one_line
from cluster.latent.settings import LatentSettings
from cluster.latent.translation import Policy
from cluster.runs.checkpoints import Checkpoint
from envs.latent.rules import Floats, LatentRules
from learners.networks.fit import require_fit
from learners.networks.td3 import Actor


def actor_policy(actor: Actor) -> Policy:
    """Return the actor's policy, without noise, on NumPy arrays."""

    def policy(observation: Floats) -> Floats:
        with torch.inference_mode():
            action: Floats = actor(torch.from_numpy(np.ascontiguousarray(observation))).numpy()
        return action

    return policy


def checkpoint_policy(settings: LatentSettings, rules: LatentRules, checkpoint: Checkpoint) -> Policy:
    """Return the policy of a checkpoint.

    Raises:
        UserError: It does not fit the run's settings.
    """
    weights: Mapping[str, Any] = checkpoint.tensors.get("policy", {})
    mine = {name.removeprefix("actor."): value for name, value in weights.items() if name.startswith("actor.")}

    def make() -> Actor:
        return Actor(rules.observed, rules.parts.shape.z, settings.td3.hidden)

    try:
        require_fit(make, mine, "policy")
        actor = make()
        actor.load_state_dict(mine)
    except (RuntimeError, ValueError) as error:
        reason = one_line(error)[:160]
        raise UserError(f"the checkpoint's policy does not fit the run's settings: {reason}") from error
    return actor_policy(actor.eval())
