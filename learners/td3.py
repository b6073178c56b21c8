"""TD3 (Fujimoto et al. 2018, arXiv 1802.09477): losses as pure functions, and the learner that applies them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from learners.networks.td3 import Actor, TD3Networks, TwinCritic
from learners.optimization import NonFiniteLoss, ReduceGradients, interpolate
from learners.settings import TD3Settings

#: Up to here the tanh is steep enough to learn through: its slope is 0.07, its value 0.96.
STEEP = 2.0


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
    """``reward + discount * min_i Q_i(s', clip(actor(s') + noise))``: clipped double Q with target smoothing (eq. 14).

    Args:
        actor, critic: the target networks.
        reward: float32 [B]; of n steps, already discounted and summed.
        discount: float32 [B]: gamma to the power of those steps, and 0 where the episode *terminated* within them. A
            truncated episode keeps its discount: the world would have gone on.
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

    With ``saturation_penalty`` times the mean square of what the tanh is given beyond 2: critics that are still wrong
    drive actions into a corner of their range, where the tanh is flat and no later gradient brings them back.
    """
    unsquashed = actor.unsquashed(observation)
    action = torch.tanh(unsquashed)
    loss = -critic.one(observation, action).mean()
    if saturation_penalty:
        loss = loss + saturation_penalty * (unsquashed.abs() - STEEP).clamp(min=0).square().mean()
    return loss, action.detach()


def smoothing_noise(like: Tensor, spread: float, clip: float, generator: torch.Generator | None = None) -> Tensor:
    """Normal noise of the shape of ``like``, of standard deviation ``spread``, cut at ``clip`` times that."""
    noise = torch.empty_like(like).normal_(generator=generator)
    return noise.clamp_(-clip, clip).mul_(spread)


class TD3Learner:
    """The networks, one Adam for both (the actor rests between its turns), and what an update does.

    Attributes:
        networks: what learns, and its slow copies.
        optimizer: Adam; group 0 is the critics', group 1 the actor's.
        updates: critic updates done so far.
    """

    def __init__(
        self,
        networks: TD3Networks,
        settings: TD3Settings,
        device: torch.device,
        reduce_gradients: ReduceGradients | None = None,
    ) -> None:
        """``reduce_gradients`` averages gradients over several learners before the optimiser's step."""
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
        self.slow: list[Tensor] = [*networks.target_critic.parameters(), *networks.target_actor.parameters()]
        self.updates = 0

    def update(self, batches: Mapping[str, Tensor], progress: float) -> dict[str, float]:
        """One update for each of K batches.

        Args:
            batches: ``observation`` [K, B, O], ``action`` [K, B, A] in [-1, 1], ``reward`` and ``discount`` [K, B],
                ``next_observation`` [K, B, O]; float32, on any device.
            progress: share of the run that is over, in [0, 1]; learning rate and noise decay with it.

        Returns:
            Metrics, plain numbers: means over the K updates.

        Raises:
            NonFiniteLoss: a loss is not finite; the networks are spoilt, go on from a checkpoint.
        """
        settings = self.settings
        learning_rate = interpolate(settings.learning_rate, settings.final_learning_rate, progress)
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate
        on_device = {name: value.to(self.device, non_blocking=True) for name, value in batches.items()}
        # Where every episode ends with its first step there is nothing to bootstrap from.
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
        """One update of the critics and, each ``policy_delay`` of them, of the actor and the slow copies."""
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
        self.optimizer.step()  # the actor has no gradient now and rests
        self.updates += 1
        metrics = {"critic_loss": loss.detach(), "value": value.mean(), "reward": batch["reward"].mean()}
        if self.updates % settings.policy_delay == 0:
            metrics |= self.improve_actor(batch["observation"])
        return metrics

    def improve_actor(self, observation: Tensor) -> dict[str, Tensor]:
        """One update of the actor, and a step of the slow copies towards the learned networks."""
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
            torch._foreach_lerp_(self.slow, self.learned, self.settings.polyak)
        saturated = (action.abs() > 0.99).float().mean()
        return {"actor_loss": loss.detach(), "saturated": saturated}

    def counters(self) -> dict[str, Any]:
        """What a checkpoint must keep besides weights and optimiser."""
        return {"updates": self.updates}

    def set_counters(self, counters: Mapping[str, Any]) -> None:
        """Take back what :meth:`counters` gave."""
        self.updates = int(counters["updates"])
