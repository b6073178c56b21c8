"""The rules of the latent world without its episodes: observations, effects of actions, and scores."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from envs.latent.parts import FrozenParts
from envs.latent.scoring import Scorer, Weights
from envs.latent.tasks import TaskSet, parse_tasks
from envs.ranges import Count, NotNegative, Positive, Share, check_ranges

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class LatentConfig:
    """Settings of the latent world.

    Attributes:
        task: the tasks that are asked for, see `envs.latent.tasks.parse_tasks`.
        action_range: standard deviations of the prior that an action of 1 stands for. Beyond 3 the generator was never
            trained and its samples look less and less like the data; below 2 rare shapes are out of reach; usual: 2 to
            3.
        horizon: actions of an episode. 1: one answer. More: later actions refine the first, see `refinement`; usual: 1
            to 5.
        refinement: standard deviations that an action of 1 moves z by after the first; without effect at horizon 1.
            Higher corrects more and settles less; usual: 0.2 to 1.
        noise: share of inputs that are encoded from a noisy image. Higher: an agent that reads noise better, and clean
            images slightly worse; usual: 0 to 0.5.
        max_sigma: largest standard deviation of that noise, which is drawn from 0 to this, pixels being 0 to 1 (and
            clipped to it). Higher prepares for worse inputs; usual: 0.3 to 1.
        realism_weight: weight of the discriminator's score, see `envs.latent.scoring.Weights`. Higher asks for more
            typical images; usual: 0 to 1.
        style_weight: weight of the similarity of strokes, see there. Higher keeps the hand more closely; usual: 0 to 2.
        likeness_weight: weight of the similarity of latents, see there. Higher changes the image less; usual: 0 to 2.
    """

    task: str = "add:1"
    action_range: Positive = 2.5
    horizon: Count = 1
    refinement: Positive = 0.5
    noise: Share = 0.5
    max_sigma: NotNegative = 0.7
    realism_weight: float = 0.1
    style_weight: float = 1.0
    likeness_weight: float = 1.0

    def __post_init__(self) -> None:
        check_ranges(self)

    @property
    def weights(self) -> Weights:
        """Weights of the terms of a score."""
        return Weights(self.realism_weight, self.style_weight, self.likeness_weight)


def add_noise(images: Tensor, sigma: Tensor, generator: torch.Generator) -> Tensor:
    """Add Gaussian noise to pixels and clip them to [0, 1].

    Args:
        images: float32 [N, C, H, W] in [0, 1].
        sigma: float32 [N], standard deviation for each image.
        generator: source of the noise.
    """
    noise = torch.randn(images.shape, generator=generator)
    return (images + sigma[:, None, None, None] * noise).clamp(0, 1)


class LatentRules:
    """Observations, moves and scores for N inputs at a time, in NumPy arrays.

    Observation float32 [N, O]: the input's standardized latent (L), the task's one-hot encoding, and with a horizon
    above 1 also z so far in units of `action_range` and the share of the episode that is over.
    """

    def __init__(self, config: LatentConfig, parts: FrozenParts, tasks: TaskSet | None = None) -> None:
        """Take the tasks of `config`, or `tasks` instead."""
        self.config, self.parts, self.layout = config, parts, parts.shape.layout
        self.tasks = tasks or parse_tasks(config.task, parts.shape.classes)
        self.scorer = Scorer(parts, config.weights)
        latent = parts.shape.latent
        self._told = slice(latent, latent + len(self.tasks.tasks))

    @property
    def observed(self) -> int:
        """O, the size of an observation."""
        return self._told.stop + (self.parts.shape.z + 1 if self.config.horizon > 1 else 0)

    def observe(self, latent: Floats, task: Ints, z: Floats | None = None, step: int = 0) -> Floats:
        """Make observations float32 [N, O] of inputs with `latent` float32 [N, L] under tasks int64 [N].

        `z` float32 [N, z] and `step` say how far an episode of several actions is; by default it begins.
        """
        observation = np.zeros((len(latent), self.observed), np.float32)
        observation[:, : latent.shape[1]] = latent
        observation[:, self._told] = self.tasks.encoding[task]
        if z is not None and self.config.horizon > 1:
            observation[:, self._told.stop : -1] = z / self.config.action_range
            observation[:, -1] = step / self.config.horizon
        return observation

    def retell(self, observation: Floats, task: Ints) -> Floats:
        """Copy observations float32 [N, O] with other tasks int64 [N] in them."""
        told = observation.copy()
        told[:, self._told] = self.tasks.encoding[task]
        return told

    def move(self, z: Floats, actions: Floats, *, first: bool) -> Floats:
        """Move z float32 [N, z] by actions in [-1, 1]: the first sets it, later ones add to it within the range."""
        limit = self.config.action_range
        actions = np.clip(actions, -1, 1).astype(np.float32)
        moved: Floats = limit * actions if first else np.clip(z + self.config.refinement * actions, -limit, limit)
        return moved

    def features(self, z: Floats) -> Floats:
        """Stored features float32 [N, F] of the outcomes of z float32 [N, z]: the only expensive rule."""
        with torch.inference_mode():
            outcome = self.parts.outcome(self.parts.generator(torch.from_numpy(z)))
            packed: Floats = self.layout.pack_outcome(outcome).numpy()
        return packed

    def score(self, features: Floats, source: Floats, task: Ints) -> Floats:
        """Score stored features [N, F] and source [N, S] under tasks int64 [N], without decoding: float32 [N]."""
        outcome = self.layout.unpack_outcome(torch.from_numpy(features))
        given = self.layout.unpack_source(torch.from_numpy(source))
        with torch.inference_mode():
            scores: Floats = self.tasks.score(outcome, given, task, self.scorer).numpy()
        return scores

    def relabel(self, features: Floats, source: Floats, task: Ints, rng: np.random.Generator) -> Ints:
        """Relabel stored transitions in hindsight: tasks int64 [N] that their outputs are right for, else `task`."""
        if not self.layout.classes:
            return task
        shown = features[:, : self.layout.classes].argmax(axis=1)
        return self.tasks.relabel(shown, source[:, 0].astype(np.int64), task, rng)
