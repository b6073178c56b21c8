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
"""Standardised latents float32 [N, L] to class logits float32 [N, K]."""


def told_task(rules: LatentRules, observation: Floats) -> Ints:
    """The tasks int64 [N] that observations float32 [N, O] tell."""
    start = rules.parts.shape.latent
    told: Ints = observation[:, start : start + len(rules.tasks.tasks)].argmax(axis=1)
    return told


class PrototypeLookup:
    """Reads the input's class, then answers with the one z that shows the target best: no style, no variety."""

    def __init__(self, rules: LatentRules, reader: Reader, *, candidates: int = 20_000, seed: int = 0) -> None:
        """For each class the best of `candidates` prior samples by p(class) + realism is kept."""
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
        """Observations float32 [N, O] to actions float32 [N, z] in [-1, 1]."""
        with torch.inference_mode():
            latent = torch.from_numpy(observation[:, : self.rules.parts.shape.latent])
            label = self.reader(latent).argmax(dim=1).numpy()
        target = self.rules.tasks.targets[told_task(self.rules, observation), label]
        found: Floats = self.prototypes[target]
        return found


class GradientSearch:
    """Reads the input's class, then climbs the task's score by its gradient on z, from several starts."""

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
        """Adam for `steps` from each of `starts` prior samples; the best by score is kept for each input."""
        self.rules, self.reader = rules, reader
        self.starts, self.steps, self.learning_rate = starts, steps, learning_rate
        self._random = torch.Generator().manual_seed(seed)

    def __call__(self, observation: Floats) -> Floats:
        """Observations float32 [N, O] to actions float32 [N, z] in [-1, 1]."""
        parts = self.rules.parts
        task = told_task(self.rules, observation)
        latent = torch.from_numpy(observation[:, : parts.shape.latent])
        with torch.no_grad():
            source = Source(self.reader(latent).argmax(dim=1), measure(parts.decode(latent)), latent)
        found = [self._climb(source, task) for _ in range(self.starts)]
        scores = torch.stack([score for _, score in found])
        actions = torch.stack([action for action, _ in found])
        best: Floats = actions[scores.argmax(dim=0), torch.arange(len(observation))].numpy()
        return best

    def _climb(self, source: Source, task: Ints) -> tuple[Tensor, Tensor]:
        """Actions float32 [N, z] from one start each, and their scores float32 [N]."""
        rules = self.rules
        limit = rules.config.action_range
        z = torch.randn(len(task), rules.parts.shape.z, generator=self._random).clamp_(-limit, limit)
        z.requires_grad_(True)
        optimiser = torch.optim.Adam([z], lr=self.learning_rate)
        for _ in range(self.steps):
            score = self._score(z, source, task)
            optimiser.zero_grad(set_to_none=True)
            torch.autograd.backward(-score.sum())
            optimiser.step()
            with torch.no_grad():
                z.clamp_(-limit, limit)
        with torch.no_grad():
            return z.detach() / limit, self._score(z, source, task)

    def _score(self, z: Tensor, source: Source, task: Ints) -> Tensor:
        rules = self.rules
        outcome = rules.parts.outcome(rules.parts.generator(z))
        return rules.tasks.score(outcome, source, np.asarray(task), rules.scorer)
