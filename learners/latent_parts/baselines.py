"""What an agent is compared with and that gradients train: a reader of latents, a policy through the decoder."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from envs.latent.networks import mlp, to_unit
from envs.latent.parts import FrozenParts
from envs.latent.rules import Floats, LatentRules
from envs.latent.world import LatentVectorEnv
from learners.latent_parts.supervised import fit, noisy


def train_reader(
    parts: FrozenParts, images: Tensor, labels: Tensor, *, noise: float, max_sigma: float, epochs: int = 6
) -> nn.Module:
    """A classifier of latents, trained with labels and noise: how well inputs can be read at all.

    Args:
      parts: frozen.
      images, labels: uint8 [N, H, W, C] and int64 [N].
      noise, max_sigma: as in `LatentConfig`.
      epochs: passes over the data.

    Returns:
      Maps standardised latents float32 [N, L] to logits float32 [N, K].
    """
    reader = mlp((parts.shape.latent, 256, 256, parts.shape.classes))

    def loss_of(rows: Tensor) -> Tensor:
        with torch.no_grad():
            latent = parts.encode(noisy(to_unit(images[rows]), noise, max_sigma))
        return functional.cross_entropy(reader(latent), labels[rows])

    fit(reader.parameters(), loss_of, len(images), epochs=epochs, batch=256, learning_rate=3e-3)
    return reader.eval().requires_grad_(False)


class DirectPolicy:
    """A policy that was trained by the gradient of the score through generator and decoder, which no agent has."""

    def __init__(self, rules: LatentRules, width: int = 256) -> None:
        self.network = mlp((rules.observed, width, width, rules.parts.shape.z))

    def __call__(self, observation: Floats) -> Floats:
        """Observations float32 [N, O] to actions float32 [N, z] in [-1, 1]."""
        with torch.inference_mode():
            action: Floats = torch.tanh(self.network(torch.from_numpy(observation))).numpy()
        return action


def train_direct_policy(
    env: LatentVectorEnv, *, updates: int = 6000, learning_rate: float = 1e-3, width: int = 256
) -> DirectPolicy:
    """Maximises the score of the world's first action: what the reward allows where its gradient is known.

    Args:
      env: the world with the training images; its number of environments is the batch. Is reset at each update.
      updates: of the policy.
      learning_rate: decays linearly to a twentieth.
      width: units of the two hidden layers.
    """
    rules = env.rules
    parts = rules.parts
    policy = DirectPolicy(rules, width)
    optimiser = torch.optim.Adam(policy.network.parameters(), lr=learning_rate)
    schedule = torch.optim.lr_scheduler.LinearLR(optimiser, 1.0, 0.05, total_iters=updates)
    for _ in range(updates):
        observation, info = env.reset()
        action = torch.tanh(policy.network(torch.from_numpy(observation)))
        outcome = parts.outcome(parts.generator(rules.config.action_range * action))
        source = rules.layout.unpack_source(torch.from_numpy(info["source"]))
        loss = -rules.tasks.score(outcome, source, np.asarray(info["task"]), rules.scorer).mean()
        optimiser.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        optimiser.step()
        schedule.step()
    policy.network.requires_grad_(False)
    return policy
