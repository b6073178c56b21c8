"""TD3 (Fujimoto et al. 2018, arXiv 1802.09477): losses as pure functions, and the learner that applies them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from learners.networks.td3 import Actor, TD3Networks, TwinCritic
from learners.optimization import NonFiniteLoss, ReduceGradients, interpolate, set_learning_rate
from learners.settings import TD3Settings

STEEP = 2.0
"""Argument up to which the tanh is steep enough to learn through; its slope there is 0.07, its value 0.96."""


@torch.no_grad()
def critic_targets(
    actor: Actor,
    critic: TwinCritic,
    *,
    reward: Tensor,
    discount: Tensor,
    next_observation: Tensor,
    noise: Tensor,
) -> Tensor:
    """Targets `reward + discount * min_i Q_i(s', clip(actor(s') + noise))`, clipped double Q with smoothing (eq. 14).

    Args:
        actor: the target actor.
        critic: the target critics.
        reward: float32 [B], the discounted sum over n steps.
        discount: float32 [B], gamma to the power of those steps, or 0 if the episode *terminated* within them. A
            truncated episode keeps its discount, because the world would have gone on.
        next_observation: float32 [B, O], before any reset.
        noise: float32 [B, A] in units of half the action range, already clipped.

    Returns:
        float32 [B].
    """
    action = (actor(next_observation) + noise).clamp(-1, 1)
    first, second = critic(next_observation, action)
    return reward + discount * torch.minimum(first, second)


def critic_loss(critic: TwinCritic, observation: Tensor, action: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """Sum over both critics of the mean squared error (scalar), and the first critic's estimates [B]."""
    first, second = critic(observation, action)
    loss = nn.functional.mse_loss(first, target) + nn.functional.mse_loss(second, target)
    return loss, first.detach()


def actor_loss(
    actor: Actor, critic: TwinCritic, observation: Tensor, saturation_penalty: float = 0.0
) -> tuple[Tensor, Tensor]:
    """Minus the first critic's mean estimate of the actor's actions (scalar), and those actions [B, A].

    The loss also has `saturation_penalty` times the mean square of the part of the tanh's argument beyond 2. Critics
    that are still wrong drive actions into a corner of their range, where the tanh is flat and no later gradient brings
    them back.
    """
    unsquashed = actor.unsquashed(observation)
    action = torch.tanh(unsquashed)
    loss = -critic.one(observation, action).mean()
    if saturation_penalty:
        loss = loss + saturation_penalty * (unsquashed.abs() - STEEP).clamp(min=0).square().mean()
    return loss, action.detach()


def smoothing_noise(like: Tensor, spread: float, clip: float) -> Tensor:
    """Normal noise of the shape of `like` with standard deviation `spread`, cut at `clip` times `spread`."""
    return torch.randn_like(like).clamp_(-clip, clip).mul_(spread)


class TD3Learner:
    """Actor and critics, their target networks, and one Adam for both.

    Args:
        networks: actor, critics and target networks.
        settings: of the updates.
        device: of the networks.
        reduce_gradients: averages gradients over several learners before the optimizer's step.

    Attributes:
        optimizer: Adam; parameter group 0 is the critics', group 1 the actor's.
        updates: number of critic updates so far.
    """

    def __init__(
        self,
        networks: TD3Networks,
        settings: TD3Settings,
        device: torch.device,
        reduce_gradients: ReduceGradients | None = None,
    ) -> None:
        self.networks = networks.to(device)
        self.settings = settings
        self.device = device
        self.reduce_gradients = reduce_gradients
        self.optimizer = torch.optim.Adam(
            [{"params": list(networks.critic.parameters())}, {"params": list(networks.actor.parameters())}],
            settings.learning_rate,
            fused=True,
        )
        self.learned: list[Tensor] = [*networks.critic.parameters(), *networks.actor.parameters()]
        self.targets: list[Tensor] = [*networks.target_critic.parameters(), *networks.target_actor.parameters()]
        self.updates = 0

    def update(self, batches: Mapping[str, Tensor], progress: float) -> dict[str, float]:
        """Make one update for each of K batches.

        Args:
            batches: `observation` [K, B, O], `action` [K, B, A] in [-1, 1], `reward` and `discount` [K, B],
                `next_observation` [K, B, O]; float32, on any device.
            progress: share of the run that is over, in [0, 1]; learning rate and noise decay with it.

        Returns:
            Metrics, plain numbers: means over the K updates.

        Raises:
            NonFiniteLoss: a loss is not finite. The networks are damaged; go on from a checkpoint.
        """
        settings = self.settings
        learning_rate = interpolate(settings.learning_rate, settings.final_learning_rate, progress)
        set_learning_rate(self.optimizer, learning_rate)
        on_device = {name: value.to(self.device, non_blocking=True) for name, value in batches.items()}
        # If every episode ends with its first step, there is nothing to bootstrap from.
        bootstrap = bool(on_device["discount"].any())
        sums: dict[str, Tensor] = {}
        counts: dict[str, int] = {}
        for number in range(len(batches["reward"])):
            batch = {name: value[number] for name, value in on_device.items()}
            for name, value in self.step(batch, bootstrap, settings.noise_share(progress)).items():
                sums[name] = sums[name] + value if name in sums else value
                counts[name] = counts.get(name, 0) + 1
        metrics = {name: value.item() / counts[name] for name, value in sums.items()}
        for name, mean in metrics.items():
            if not math.isfinite(mean):
                raise NonFiniteLoss(f"TD3 update {self.updates}: {name} is {mean}")
        return metrics | {"learning_rate": learning_rate}

    def step(self, batch: Mapping[str, Tensor], bootstrap: bool, noise_share: float) -> dict[str, Tensor]:
        """Make one update of the critics and, every `policy_delay` of them, one of actor and target networks."""
        networks, settings = self.networks, self.settings
        target = batch["reward"]
        if bootstrap:
            spread = settings.target_noise * noise_share
            target = critic_targets(
                networks.target_actor,
                networks.target_critic,
                reward=batch["reward"],
                discount=batch["discount"],
                next_observation=batch["next_observation"],
                noise=smoothing_noise(batch["action"], spread, settings.target_noise_clip),
            )
        loss, value = critic_loss(networks.critic, batch["observation"], batch["action"], target)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        if self.reduce_gradients:
            self.reduce_gradients(networks.critic)
        self.optimizer.step()  # the actor has no gradient and stays as it is
        self.updates += 1
        metrics = {"critic_loss": loss.detach(), "value": value.mean(), "reward": batch["reward"].mean()}
        if self.updates % settings.policy_delay == 0:
            metrics |= self.improve_actor(batch["observation"])
        return metrics

    def improve_actor(self, observation: Tensor) -> dict[str, Tensor]:
        """Make one update of the actor, and move the target networks toward the learned ones."""
        networks = self.networks
        self.optimizer.zero_grad(set_to_none=True)
        networks.critic.requires_grad_(False)
        try:
            penalty = self.settings.saturation_penalty
            loss, action = actor_loss(networks.actor, networks.critic, observation, penalty)
            loss.backward()  # type: ignore[no-untyped-call]
        finally:
            networks.critic.requires_grad_(True)
        if self.reduce_gradients:
            self.reduce_gradients(networks.actor)
        self.optimizer.step()
        with torch.no_grad():
            torch._foreach_lerp_(self.targets, self.learned, self.settings.polyak)
        saturated = (action.abs() > 0.99).float().mean()
        return {"actor_loss": loss.detach(), "saturated": saturated}

    def counters(self) -> dict[str, Any]:
        """Numbers that a checkpoint needs besides weights and optimizer."""
        return {"updates": self.updates}

    def set_counters(self, counters: Mapping[str, Any]) -> None:
        """Restore what `counters` returned."""
        self.updates = int(counters["updates"])
