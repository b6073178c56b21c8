"""Baselines that gradients train: a classifier of latents, and a policy trained through the decoder."""

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
    """Train a classifier of latents with labels and noise; its accuracy bounds how well any agent can read inputs.

    Args:
        parts: frozen.
        images: uint8 [N, H, W, C].
        labels: int64 [N].
        noise: share of noisy images, as in `LatentConfig`.
        max_sigma: largest standard deviation of the noise, as in `LatentConfig`.
        epochs: passes over the data.

    Returns:
        Maps standardized latents float32 [N, L] to logits float32 [N, K].
    """
    reader = mlp((parts.shape.latent, 256, 256, parts.shape.classes))

    def loss_of(rows: Tensor) -> Tensor:
        with torch.no_grad():
            latent = parts.encode(noisy(to_unit(images[rows]), noise, max_sigma))
        return functional.cross_entropy(reader(latent), labels[rows])

    fit(reader.parameters(), loss_of, len(images), epochs=epochs, batch=256, learning_rate=3e-3)
    return reader.eval().requires_grad_(False)


class DirectPolicy:
    """A policy for `train_direct_policy`, which uses the score's gradient through generator and decoder.

    Args:
        rules: of the world.
        width: units of the two hidden layers.
    """

    def __init__(self, rules: LatentRules, width: int = 256) -> None:
        self.network = mlp((rules.observed, width, width, rules.parts.shape.z))

    def __call__(self, observation: Floats) -> Floats:
        """Actions float32 [N, z] in [-1, 1] for observations float32 [N, O]."""
        with torch.inference_mode():
            action: Floats = torch.tanh(self.network(torch.from_numpy(observation))).numpy()
        return action


def train_direct_policy(
    env: LatentVectorEnv, *, updates: int = 6000, learning_rate: float = 1e-3, width: int = 256
) -> DirectPolicy:
    """Train a policy that maximizes the score of an episode's first action by the score's gradient.

    It shows how much the reward allows.

    Args:
        env: the world with the training images, reset at each update; its number of environments is the batch.
        updates: of the policy.
        learning_rate: of Adam at the start; decays linearly to a twentieth.
        width: units of the two hidden layers.
    """
    rules = env.rules
    parts = rules.parts
    policy = DirectPolicy(rules, width)
    optimizer = torch.optim.Adam(policy.network.parameters(), lr=learning_rate)
    schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.05, total_iters=updates)
    for _ in range(updates):
        observation, info = env.reset()
        action = torch.tanh(policy.network(torch.from_numpy(observation)))
        outcome = parts.outcome(parts.generator(rules.config.action_range * action))
        source = rules.layout.unpack_source(torch.from_numpy(info["source"]))
        loss = -rules.tasks.score(outcome, source, np.asarray(info["task"]), rules.scorer).mean()
        optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        optimizer.step()
        schedule.step()
    policy.network.requires_grad_(False)
    return policy
