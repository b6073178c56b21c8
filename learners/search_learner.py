"""The learner of a policy that imitates what a search chose, with or without V-trace beside it."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from learners.conditioning import squared_error
from learners.imitation import imitation_loss
from learners.networks.policy import PolicyInputs
from learners.optimization import descend, set_learning_rate
from learners.policy_learner import PolicyLearner
from learners.precision import autocast
from learners.search_memory import SearchMemory, Situations
from learners.search_settings import SearchSettings
from learners.trajectory import Trajectory


class SearchLearner(PolicyLearner):
    """Keeps the search's choices in a memory and learns from batches of it.

    The memory is no part of a checkpoint: it is full again after a minute.
    """

    def __init__(self, *arguments: Any, search: SearchSettings, seed: int = 0, **more: Any) -> None:
        """``search`` are the settings of the search; the other arguments are those of `PolicyLearner`."""
        super().__init__(*arguments, **more)
        self.search, self.seed = search, seed
        self.memory: SearchMemory | None = None

    def update(self, trajectory: Trajectory, progress: float) -> dict[str, float]:
        """Learn from one batch of experience, and from `imitation_updates` batches of the memory.

        With `reinforcement`, V-trace learns from the episodes of the policy's own strokes.

        Raises:
            NonFiniteLoss: see `PolicyLearner.update`.
        """
        searched, target = trajectory.searched, trajectory.target
        if searched is None or target is None:
            raise ValueError("trajectory: a learner of searches needs what a search chose, and its targets")
        self.remember(trajectory)
        metrics: dict[str, float] = {}
        if self.search.reinforcement and searched.own.any():
            metrics = super().update(trajectory.select(searched.own), progress)
            self.updates -= 1  # one for the batch, below
        metrics |= self.imitate(progress)
        self.updates += 1
        ends = np.ones(len(target), bool) if trajectory.ends is None else trajectory.ends
        if ends.any():
            last = torch.from_numpy(trajectory.canvas[-1][ends])
            metrics["l2"] = squared_error(last, torch.from_numpy(target[ends])).mean().item()
        return metrics | {
            "search_gain": searched.gain,
            "search_by_policy": searched.by_policy,
            "painting_share": float((trajectory.action[..., self.policy.spec.flag] != 0).mean()),
            "lag": float(self.updates - 1 - trajectory.version),
        }

    def remember(self, trajectory: Trajectory) -> None:
        """Put the situations of a batch into the memory."""
        searched, target = trajectory.searched, trajectory.target
        assert searched is not None, "update has checked"
        assert target is not None
        time, batch, several = searched.weight.shape
        if self.memory is None:
            shape = (int(target.shape[1]), int(target.shape[2]), int(target.shape[3]))
            actions = (several, int(searched.action.shape[3]))
            self.memory = SearchMemory(self.search.search_memory, shape, actions, self.seed)
        first = np.zeros(batch, np.int64) if trajectory.before is None else trajectory.before.step
        step = first + np.arange(time)[:, None]
        canvas = trajectory.canvas[:-1].reshape(time * batch, *target.shape[1:])
        wanted = np.broadcast_to(target, (time, *target.shape)).reshape(canvas.shape)
        action, weight = searched.action.reshape(time * batch, several, -1), searched.weight.reshape(-1, several)
        self.memory.push(Situations(canvas, wanted, step.reshape(-1), action, weight))

    def imitate(self, progress: float) -> dict[str, float]:
        """Make the updates from the memory; nothing while it is empty."""
        if not self.memory:
            return {}
        learning_rate = self.learning_rate(progress)
        set_learning_rate(self.optimizer, learning_rate)
        losses, norms = [], []
        for _ in range(self.search.imitation_updates):
            loss, norm = self.imitate_batch(self.memory.sample(self.search.imitation_batch))
            losses.append(loss)
            norms.append(norm)
        return {
            "loss": float(np.mean(losses)),
            "imitation_loss": float(np.mean(losses)),
            "gradient_norm": float(np.mean(norms)),
            "learning_rate": learning_rate,
        }

    def imitate_batch(self, batch: Situations) -> tuple[float, float]:
        """One step of Adam towards the search's choices; returns the loss and the gradient's norm."""
        count = len(batch)
        inputs = PolicyInputs(
            torch.from_numpy(batch.canvas).to(self.device),
            torch.zeros(count, batch.action.shape[2], dtype=torch.long, device=self.device),
            torch.from_numpy(batch.step).to(self.device),
            torch.zeros(count, self.policy.noise_size, device=self.device),
            torch.from_numpy(batch.target).to(self.device),
        )
        action = torch.from_numpy(batch.action.astype(np.int64)).to(self.device)
        with autocast(self.settings.precision, self.device):
            log_probs = self.policy.log_probs(inputs, action, self.policy.initial_state(count, self.device))
        loss = imitation_loss(log_probs, torch.from_numpy(batch.weight).to(self.device))
        name = f"policy update {self.updates + 1}, imitation"
        clip = self.settings.gradient_clip
        norm = descend(loss, self.policy, self.optimizer, self.reduce_gradients, name, clip)
        return loss.item(), norm.item()
