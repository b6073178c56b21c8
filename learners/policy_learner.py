"""Learner of the policy: rewards from the discriminator, V-trace, and one step of Adam for each batch of episodes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from learners.conditioning import score_records, squared_error
from learners.networks.discriminator import Discriminator
from learners.networks.policy import PaintPolicy
from learners.optimization import ReduceGradients, descend, interpolate, read, set_learning_rate
from learners.precision import autocast
from learners.records import action_plane
from learners.rewards import ScoreNormalizer, earned, episode_rewards, stroke_starts, worth_imitating
from learners.settings import Conditioning, PolicySettings
from learners.trajectory import Trajectory
from learners.trajectory_tensors import TrajectoryTensors
from learners.vtrace import vtrace


class PolicyLearner:
    """A policy, its optimizer, and a frozen copy of the discriminator that pays it.

    Args:
        policy: the network that learns.
        discriminator: the copy that scores canvases.
        settings: of the updates.
        device: of both networks.
        reduce_gradients: averages gradients over several learners before the optimizer's step.
        conditioning: images that the discriminator of a conditional painter sees.
        average: averages a tensor over several learners, in place.

    Attributes:
        discriminator_version: discriminator updates behind the copy's weights.
        normalizer: running mean and spread of the scores.
        optimizer: Adam.
        updates: number of updates so far.
    """

    def __init__(
        self,
        policy: PaintPolicy,
        discriminator: Discriminator,
        settings: PolicySettings,
        device: torch.device,
        reduce_gradients: ReduceGradients | None = None,
        conditioning: Conditioning = "pair",
        average: Callable[[Tensor], None] | None = None,
    ) -> None:
        self.policy = policy.to(device)
        self.discriminator = discriminator.to(device).eval().requires_grad_(False)
        self.discriminator_version = 0
        self.settings = settings
        self.device = device
        self.reduce_gradients = reduce_gradients
        self.conditioning = conditioning
        self.average = average
        self.normalizer = ScoreNormalizer(floor=settings.score_floor)
        self.optimizer = torch.optim.Adam(
            self.policy.parameters(),
            settings.policy_learning_rate,
            betas=settings.policy_betas,
            eps=settings.policy_adam_epsilon,
            fused=True,
        )
        self.updates = 0

    def update(self, trajectory: Trajectory, progress: float) -> dict[str, float]:
        """Make one update from one batch of episodes.

        Args:
            trajectory: B episodes, or unrolls of them. Hindsight learns from its `play`, if it has any.
            progress: share of the run that is over, in [0, 1]; learning rate and entropy cost decay with it.

        Returns:
            Metrics, plain numbers.

        Raises:
            NonFiniteLoss: the loss or the gradient is not finite; nothing was changed.
        """
        return self.update_from(trajectory, self.tensors(trajectory), progress)

    def tensors(self, trajectory: Trajectory) -> TrajectoryTensors:
        """Copy a batch to the learner's device."""
        return TrajectoryTensors.of(trajectory, self.device, spec=self.policy.spec)

    def update_from(self, trajectory: Trajectory, batch: TrajectoryTensors, progress: float) -> dict[str, float]:
        """Make one update, see `update`, from a batch that is on the learner's device already."""
        settings = self.settings
        scores = self.score(batch)
        final = scores[-1] if scores.ndim == 2 else scores
        normalizer = replace(self.normalizer)  # kept only if the update succeeds
        if settings.normalize_reward:
            # A later piece of an episode does not hold the first canvas, so the final score is used instead of the
            # gain; it also varies with the score that a blank canvas has for its target.
            sums = earned(scores) if trajectory.before is None else final
            self.update_normalizer(normalizer, sums[batch.over])
        flags, previous_flag = (action[..., self.policy.spec.flag] for action in (batch.action, batch.previous_action))
        rewards = episode_rewards(
            normalizer(scores) if settings.normalize_reward else scores,
            flags,
            stroke_start_penalty=settings.stroke_start_penalty,
            empty_canvas_penalty=settings.empty_canvas_penalty,
            addition_penalty=settings.addition_penalty,
            previous_flag=previous_flag,
            painted=batch.painted,
            ends=batch.ends,
        )
        entropy_cost = self.entropy_cost(progress)
        learning_rate = self.learning_rate(progress)
        loss, metrics = self.loss(batch, rewards, entropy_cost)
        if settings.hindsight_weight:
            examples = batch if trajectory.play is None else self.tensors(trajectory.play)
            likelihood, share = self.hindsight(examples)
            loss = loss - settings.hindsight_weight * likelihood
            metrics |= {"hindsight_log_prob": likelihood.detach(), "hindsight_share": share}
        set_learning_rate(self.optimizer, learning_rate)
        name = f"policy update {self.updates + 1}"
        norm = descend(loss, self.policy, self.optimizer, self.reduce_gradients, name, settings.gradient_clip)
        self.normalizer = normalizer
        self.updates += 1
        metrics |= {
            "loss": loss,
            "gradient_norm": norm,
            "return": rewards.sum(0).mean(),
            "stroke_starts": stroke_starts(flags, previous_flag).float().sum(0).mean(),
            "painting_share": (flags != 0).float().mean(),
        }
        return read(metrics | self.finished_paintings(batch, final)) | {
            "learning_rate": learning_rate,
            "entropy_cost": entropy_cost,
            "discriminator_version": float(self.discriminator_version),
            "lag": self.updates - 1 - trajectory.mean_version,
        }

    def update_normalizer(self, normalizer: ScoreNormalizer, scores: Tensor) -> None:
        """Add the score sums float32 [N] of the paintings that ended with the batches of all learners."""
        statistics = torch.zeros(3, device=self.device)
        if len(scores):
            statistics = torch.stack([torch.ones_like(scores[0]), scores.mean(), scores.std(correction=0)])
        if self.average:
            self.average(statistics)
        share, mean, std = statistics.tolist()
        if share:
            normalizer.take(mean / share, std / share)

    def finished_paintings(self, batch: TrajectoryTensors, final: Tensor) -> dict[str, Tensor]:
        """Metrics of the paintings that this batch finished, from final scores float32 [B]; empty if there are none."""
        if not batch.finished:
            return {}
        over = batch.over
        metrics = {"score": final[over].mean(), "score_std": final[over].std(correction=0)}
        if batch.target is not None:
            metrics["l2"] = squared_error(batch.all_canvases[-1], batch.target)[over].mean()
        return metrics

    @torch.no_grad()
    def score(self, batch: TrajectoryTensors) -> Tensor:
        """Scores that are paid: float32 [B] of the final canvases, or [T + 1, B] of all if differences are paid."""
        settings = self.settings
        canvases = batch.all_canvases[-1:] if settings.reward == "final" else batch.all_canvases
        flat = canvases.flatten(0, 1)
        scores = torch.zeros(len(flat), device=self.device)
        targets = None if batch.target is None else batch.target.expand(canvases.shape).flatten(0, 1)
        if settings.reward_source != "l2":
            records = flat if targets is None else torch.cat([flat, targets], -1)
            if self.policy.conditional and self.conditioning == "joint":
                plane = action_plane(batch.action.cpu().numpy().astype(np.int16), flat.shape[1:3])
                records = torch.cat([records, torch.from_numpy(plane).to(self.device)], -1)
            scores = scores + self.discriminator_scores(records)
        if settings.reward_source != "discriminator":
            assert targets is not None, "PolicySettings refuses these rewards without a target"
            scores = scores - settings.l2_weight * squared_error(flat, targets)
        return scores if settings.reward == "final" else scores.view(canvases.shape[:2])

    def discriminator_scores(self, records: Tensor) -> Tensor:
        """Discriminator scores float32 [N] of records."""
        with autocast(self.settings.precision, self.device):
            return score_records(self.discriminator, records, self.conditioning if self.policy.conditional else None)

    def loss(self, batch: TrajectoryTensors, rewards: Tensor, entropy_cost: float) -> tuple[Tensor, dict[str, Tensor]]:
        """Sum of policy gradient, value and entropy losses (scalar), and its parts, from rewards float32 [T, B]."""
        settings = self.settings
        state = self.policy.initial_state(rewards.shape[1], self.device) if batch.state is None else batch.state
        precision = batch.precision or settings.precision
        with autocast(precision, self.device):
            evaluation = self.policy.evaluate(batch.inputs, batch.action, state)
        discounts = torch.full_like(rewards, settings.discount)
        discounts[-1] = settings.discount * ~batch.ends
        following = torch.zeros_like(rewards[-1])
        if batch.finished < rewards.shape[1]:
            with torch.no_grad(), autocast(precision, self.device):
                following = self.policy.value_of(batch.following, evaluation.state.detach())
        returns = vtrace(
            batch.log_prob,
            evaluation.log_prob.detach(),
            rewards,
            discounts,
            evaluation.value.detach(),
            following,
            rho_bar=settings.rho_bar,
            c_bar=settings.c_bar,
        )
        advantages = returns.advantages
        spread = advantages.std(correction=0)
        if settings.advantage_floor > 0:
            advantages = (advantages - advantages.mean()) / spread.clamp_min(settings.advantage_floor)
        policy_loss = -(advantages * evaluation.log_prob).mean()
        value_loss = (returns.vs - evaluation.value).square().mean()
        entropy = evaluation.entropy.mean()
        missing = (settings.entropy_floor - entropy).clamp_min(0)
        loss = policy_loss + settings.value_cost * value_loss - entropy_cost * entropy
        loss = loss + settings.entropy_floor_cost * missing
        metrics = {
            "policy_loss": policy_loss.detach(),
            "value_loss": value_loss.detach(),
            "entropy": entropy.detach(),
            "advantage_std": spread,
            "truncated_ratios": returns.truncated,
        }
        if batch.version == self.updates:  # the policy that acted is the one that learns: any difference is rounding
            metrics["ratio_at_lag_0"] = (evaluation.log_prob.detach() - batch.log_prob).exp().clamp_max(1).mean()
        return loss, metrics

    def hindsight(self, batch: TrajectoryTensors) -> tuple[Tensor, Tensor]:
        """Mean log-likelihood of the actions that are worth imitating, and their share among all: float32 scalars.

        Each finished painting is its own target here.
        """
        settings, canvases = self.settings, batch.all_canvases
        finished = canvases[-1].expand_as(canvases)
        distances = squared_error(canvases.flatten(0, 1), finished.flatten(0, 1)).view(canvases.shape[:2])
        worth = worth_imitating(
            settings.l2_weight * distances,
            batch.action[..., self.policy.spec.flag],
            discount=settings.discount,
            addition_penalty=settings.addition_penalty,
        )
        state = self.policy.initial_state(canvases.shape[1], self.device)
        with autocast(settings.precision, self.device):
            log_prob = self.policy.evaluate(batch.hindsight, batch.action, state).log_prob
        return (log_prob * worth).sum() / worth.sum().clamp_min(1), worth.float().mean()

    def set_discriminator(self, weights: dict[str, Tensor], version: int) -> None:
        """Load newer weights into the copy that pays."""
        self.discriminator.load_state_dict(weights)
        self.discriminator_version = version

    def learning_rate(self, progress: float) -> float:
        """Adam's step size for the next update, with the decay over the run and the rise over the first updates."""
        settings = self.settings
        decayed = interpolate(settings.policy_learning_rate, settings.policy_final_learning_rate, progress)
        return decayed * min(1.0, (self.updates + 1) / max(1, settings.policy_warmup_updates))

    def entropy_cost(self, progress: float) -> float:
        """Weight of the entropy bonus for the next update, with the decay over the run."""
        return interpolate(self.settings.entropy_cost, self.settings.final_entropy_cost, progress)

    def adopt(self, settings: PolicySettings, progress: float) -> None:
        """Use other settings of the same network from now on, the optimizer included."""
        self.settings = settings
        set_learning_rate(self.optimizer, self.learning_rate(progress))

    def counters(self) -> dict[str, Any]:
        """Numbers that a checkpoint needs besides weights and optimizer."""
        return {"updates": self.updates, "normalizer": vars(self.normalizer).copy()}

    def set_counters(self, counters: dict[str, Any]) -> None:
        """Restore what `counters` returned."""
        self.updates = int(counters["updates"])
        self.normalizer = ScoreNormalizer(**counters["normalizer"] | {"floor": self.settings.score_floor})
