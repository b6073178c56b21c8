"""Baselines that search instead of learning to act: prototype lookup and gradient ascent on z."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from envs.latent.features import Source
from envs.latent.measures import measure
from envs.latent.rules import Floats, Ints, LatentRules

Reader = Callable[[Tensor], Tensor]
"""Classifier of latents: standardized latents float32 [N, L] to class logits float32 [N, K]."""


def asked_task(rules: LatentRules, observation: Floats) -> Ints:
    """Tasks int64 [N] that observations float32 [N, O] ask for."""
    start = rules.parts.shape.latent
    task: Ints = observation[:, start : start + len(rules.tasks.tasks)].argmax(axis=1)
    return task


class PrototypeLookup:
    """Policy that reads the input's class and answers with the one z that shows the target best.

    It has neither style nor variety.

    Args:
        rules: of the world.
        reader: classifier of the input.
        candidates: prior samples of which, for each class, the one with the highest sum of the class's probability and
            realism is kept.
        seed: of the prior samples.
    """

    def __init__(self, rules: LatentRules, reader: Reader, *, candidates: int = 20_000, seed: int = 0) -> None:
        self.rules, self.reader = rules, reader
        prior = torch.randn(candidates, rules.parts.shape.z, generator=torch.Generator().manual_seed(seed))
        limit = rules.config.action_range
        prior = prior.clamp(-limit, limit)
        with torch.inference_mode():
            outcome = rules.layout.unpack_outcome(
                torch.cat([torch.from_numpy(rules.features(part.numpy())) for part in torch.split(prior, 1000)])
            )
            best = (outcome.probabilities + rules.scorer.realism(outcome)[:, None]).argmax(dim=0)
        self.prototypes: Floats = (prior[best] / limit).numpy()

    def __call__(self, observation: Floats) -> Floats:
        """Actions float32 [N, z] in [-1, 1] for observations float32 [N, O]."""
        with torch.inference_mode():
            latent = torch.from_numpy(observation[:, : self.rules.parts.shape.latent])
            label = self.reader(latent).argmax(dim=1).numpy()
        target = self.rules.tasks.targets[asked_task(self.rules, observation), label]
        found: Floats = self.prototypes[target]
        return found


class GradientSearch:
    """Policy that reads the input's class and follows the gradient of the task's score with respect to z.

    Args:
        rules: of the world.
        reader: classifier of the input.
        starts: prior samples to start from; the result of highest score is kept for each input.
        steps: steps of Adam from each start.
        learning_rate: Adam's step size.
        seed: of the prior samples.
    """

    def __init__(
        self,
        rules: LatentRules,
        reader: Reader,
        *,
        starts: int = 1,
        steps: int = 100,
        learning_rate: float = 0.1,
        seed: int = 0,
    ) -> None:
        self.rules, self.reader = rules, reader
        self.starts, self.steps, self.learning_rate = starts, steps, learning_rate
        self._random = torch.Generator().manual_seed(seed)

    def __call__(self, observation: Floats) -> Floats:
        """Actions float32 [N, z] in [-1, 1] for observations float32 [N, O]."""
        parts = self.rules.parts
        task = asked_task(self.rules, observation)
        latent = torch.from_numpy(observation[:, : parts.shape.latent])
        with torch.no_grad():
            source = Source(self.reader(latent).argmax(dim=1), measure(parts.decode(latent)), latent)
        found = [self._climb(source, task) for _ in range(self.starts)]
        scores = torch.stack([score for _, score in found])
        actions = torch.stack([action for action, _ in found])
        best: Floats = actions[scores.argmax(dim=0), torch.arange(len(observation))].numpy()
        return best

    def _climb(self, source: Source, task: Ints) -> tuple[Tensor, Tensor]:
        """Actions float32 [N, z] reached from one start for each input, and their scores float32 [N]."""
        rules = self.rules
        limit = rules.config.action_range
        z = torch.randn(len(task), rules.parts.shape.z, generator=self._random).clamp_(-limit, limit)
        z.requires_grad_(True)
        optimizer = torch.optim.Adam([z], lr=self.learning_rate)
        for _ in range(self.steps):
            score = self._score(z, source, task)
            optimizer.zero_grad(set_to_none=True)
            torch.autograd.backward(-score.sum())
            optimizer.step()
            with torch.no_grad():
                z.clamp_(-limit, limit)
        with torch.no_grad():
            return z.detach() / limit, self._score(z, source, task)

    def _score(self, z: Tensor, source: Source, task: Ints) -> Tensor:
        rules = self.rules
        outcome = rules.parts.outcome(rules.parts.generator(z))
        return rules.tasks.score(outcome, source, np.asarray(task), rules.scorer)
