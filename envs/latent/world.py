"""The latent world: an action is a sample of a GAN's prior, and what it decodes to is scored against a task."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gymnasium as gym
import numpy as np
import torch
from gymnasium.vector import AutoresetMode
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray
from torch import Tensor

from envs.latent.features import Source
from envs.latent.measures import measure
from envs.latent.networks import to_unit
from envs.latent.parts import FrozenParts
from envs.latent.scoring import Scorer, Weights
from envs.latent.tasks import TaskSet, parse_tasks

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class LatentConfig:
    """Settings of the latent world.

    Attributes:
        task: what is asked, see `envs.latent.tasks.parse_tasks`.
        action_range: standard deviations of the prior that an action of 1 stands for. Beyond 3 the generator was never
            trained and its samples look less and less like the data; below 2 rare shapes are out of reach.
        horizon: actions of an episode. 1: one answer. More: later actions refine the first, see `refinement`.
        refinement: standard deviations that an action of 1 moves z by after the first; without effect at horizon 1.
        noise: share of inputs, 0 to 1, that are encoded from a noisy image. Higher: an agent that reads noise better,
            and clean images slightly worse.
        max_sigma: standard deviation of that noise is drawn from 0 to this, pixels being 0 to 1 (and clipped to it).
        realism_weight, style_weight, likeness_weight: see `envs.latent.scoring.Weights`.
    """

    task: str = "add:1"
    action_range: float = 2.5
    horizon: int = 1
    refinement: float = 0.5
    noise: float = 0.5
    max_sigma: float = 0.7
    realism_weight: float = 0.1
    style_weight: float = 0.2
    likeness_weight: float = 0.2

    def __post_init__(self) -> None:
        if self.horizon < 1:
            raise ValueError(f"horizon: expected at least 1, got {self.horizon}")
        for name in ("action_range", "refinement"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name}: expected more than 0, got {getattr(self, name)}")
        if not 0 <= self.noise <= 1 or self.max_sigma < 0:
            raise ValueError(f"noise, max_sigma: expected 0 to 1 and >= 0, got {self.noise}, {self.max_sigma}")

    @property
    def weights(self) -> Weights:
        """Of the terms of a score."""
        return Weights(self.realism_weight, self.style_weight, self.likeness_weight)


def add_noise(images: Tensor, sigma: Tensor, generator: torch.Generator) -> Tensor:
    """Gaussian noise on pixels, clipped to [0, 1].

    Args:
      images: float32 [N, C, H, W] in [0, 1].
      sigma: float32 [N], standard deviation for each image.
      generator: of the noise.
    """
    noise = torch.randn(images.shape, generator=generator)
    return (images + sigma[:, None, None, None] * noise).clamp(0, 1)


class LatentVectorEnv(gym.vector.VectorEnv[Floats, Floats, Floats]):
    """N translations at a time. An episode of one step (the default) is a contextual bandit.

    Observation float32 [N, L + T]: the input's standardised latent and the task's one-hot encoding; with a horizon
    above 1 also z so far, in units of `action_range`, and the share of the episode that is over. Action float32
    [N, z] in [-1, 1].

    `step` returns the score of every step's outcome as its reward, ends all episodes together (`terminated`, since the
    horizon is part of the task) and then returns the next episode's observation (autoreset in the same step). Its info:
    "features" float32 [N, F], "source" float32 [N, S], "task" int64 [N] of the step that was made (see
    `envs.latent.features`), and "final_obs" float32 [N, O], what followed it, at the end of an episode.

    Images are drawn anew, with replacement, at each reset.
    """

    def __init__(
        self,
        num_envs: int,
        config: LatentConfig,
        parts: FrozenParts,
        images: NDArray[np.uint8],
        labels: NDArray[np.int64] | None,
        seed: int = 0,
        tasks: TaskSet | None = None,
    ) -> None:
        """`images` uint8 [M, H, W, C], 0 background to 255; `labels` int64 [M] or None; `tasks` replaces the config's."""
        if images.dtype != np.uint8 or images.shape[1:] != parts.shape.image_shape or not len(images):
            expected = list(parts.shape.image_shape)
            raise ValueError(f"images: expected uint8 [M, *{expected}], got {images.dtype} {list(images.shape)}")
        if labels is not None and len(labels) != len(images):
            raise ValueError(f"labels: {len(labels)} for {len(images)} images")
        self.config, self.parts, self.layout = config, parts, parts.shape.layout
        self.tasks = tasks or parse_tasks(config.task, parts.shape.classes)
        self.scorer = Scorer(parts, config.weights)
        self.images, self.labels = images, labels
        self.latents, self.measures = self._read(images)
        if labels is None and (self.tasks.targets[self.tasks.asked] >= 0).any():
            raise ValueError(f"task {config.task!r}: needs the labels of the images")
        self.num_envs = num_envs
        latent, z = parts.shape.latent, parts.shape.z
        self._told = slice(latent, latent + len(self.tasks.tasks))
        size = self._told.stop + (z + 1 if config.horizon > 1 else 0)
        self.single_observation_space = gym.spaces.Box(-np.inf, np.inf, (size,), np.float32)
        self.single_action_space = gym.spaces.Box(-1.0, 1.0, (z,), np.float32)
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self.metadata = {"autoreset_mode": AutoresetMode.SAME_STEP}
        self._seed(seed)
        self._begin()

    def reset(
        self, *, seed: int | list[int | None] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Floats, dict[str, Any]]:
        """New inputs and tasks for all; `seed` (one number) restarts the draws."""
        if isinstance(seed, int):
            self._seed(seed)
        self._begin()
        return self._observation(), {}

    def step(self, actions: Floats) -> tuple[Floats, Floats, NDArray[np.bool_], NDArray[np.bool_], dict[str, Any]]:
        """One batched pass from actions to scores. ValueError for actions of another shape."""
        if actions.shape != self.action_space.shape:
            raise ValueError(f"actions: expected {list(self.action_space.shape or ())}, got {list(actions.shape)}")
        self._z = self.move(self._z, actions, first=self._step == 0)
        self._step += 1
        features = self.features(self._z)
        info: dict[str, Any] = {"features": features, "source": self._source, "task": self._task}
        reward = self.score(features, self._source, self._task)
        over = self._step == self.config.horizon
        ended = np.full(self.num_envs, over)
        if over:
            info["final_obs"] = self._observation()
            self._begin()
        return self._observation(), reward, ended, np.zeros(self.num_envs, np.bool_), info

    def move(self, z: Floats, actions: Floats, *, first: bool) -> Floats:
        """z float32 [N, z] after actions in [-1, 1]: set by the first, moved by later ones, within the action range."""
        limit = self.config.action_range
        actions = np.clip(actions, -1, 1).astype(np.float32)
        moved: Floats = limit * actions if first else np.clip(z + self.config.refinement * actions, -limit, limit)
        return moved

    def features(self, z: Floats) -> Floats:
        """What z float32 [N, z] decodes to, as stored features float32 [N, F]."""
        with torch.inference_mode():
            outcome = self.parts.outcome(self.parts.generator(torch.from_numpy(z)))
            packed: Floats = self.layout.pack_outcome(outcome).numpy()
        return packed

    def score(self, features: Floats, source: Floats, task: Ints) -> Floats:
        """Rewards float32 [N] of stored features [N, F] and source [N, S] under tasks int64 [N]: no decoding."""
        outcome = self.layout.unpack_outcome(torch.from_numpy(features))
        given = self.layout.unpack_source(torch.from_numpy(source))
        with torch.inference_mode():
            scores: Floats = self.tasks.score(outcome, given, task, self.scorer).numpy()
        return scores

    def relabel(self, features: Floats, source: Floats, task: Ints, rng: np.random.Generator) -> Ints:
        """Hindsight: for stored transitions the tasks int64 [N] that their outputs are right for, else `task`."""
        if not self.layout.classes:
            return task
        shown = features[:, : self.layout.classes].argmax(axis=1)
        return self.tasks.relabel(shown, source[:, 0].astype(np.int64), task, rng)

    def retell(self, observation: Floats, task: Ints) -> Floats:
        """Observations float32 [N, O] with other tasks int64 [N] written into a copy."""
        told = observation.copy()
        told[:, self._told] = self.tasks.encoding[task]
        return told

    def observe(self, latent: Floats, task: Ints) -> Floats:
        """The first observation float32 [N, O] of an episode with input `latent` float32 [N, L] and tasks int64 [N]."""
        size = self.single_observation_space.shape[0]
        observation = np.zeros((len(latent), size), np.float32)
        observation[:, : latent.shape[1]] = latent
        observation[:, self._told] = self.tasks.encoding[task]
        return observation

    def _read(self, images: NDArray[np.uint8]) -> tuple[Tensor, Tensor]:
        """Latents float32 [M, L] and measures float32 [M, 7] of all images, in batches."""
        batches = [to_unit(torch.from_numpy(images[start : start + 1000])) for start in range(0, len(images), 1000)]
        with torch.inference_mode():
            latents = torch.cat([self.parts.encode(batch) for batch in batches])
            return latents, torch.cat([measure(batch) for batch in batches])

    def _seed(self, seed: int) -> None:
        self._rng = np.random.default_rng(seed)
        self._noise = torch.Generator().manual_seed(int(self._rng.integers(2**62)))

    def _begin(self) -> None:
        config = self.config
        rows = self._rng.integers(len(self.images), size=self.num_envs)
        picked = torch.from_numpy(rows)
        self._task = self._rng.choice(self.tasks.asked, self.num_envs)
        label = np.full(self.num_envs, -1) if self.labels is None else self.labels[rows]
        source = Source(torch.from_numpy(label), self.measures[picked], self.latents[picked])
        self._source: Floats = self.layout.pack_source(source).numpy()
        self._latent: Floats = source.latent.numpy().copy()
        noisy = np.flatnonzero(self._rng.random(self.num_envs) < config.noise)
        if len(noisy) and config.max_sigma:
            sigma = torch.from_numpy(self._rng.uniform(0, config.max_sigma, len(noisy)).astype(np.float32))
            images = to_unit(torch.from_numpy(self.images[rows[noisy]]))
            with torch.inference_mode():
                self._latent[noisy] = self.parts.encode(add_noise(images, sigma, self._noise)).numpy()
        self._z: Floats = np.zeros((self.num_envs, self.parts.shape.z), np.float32)
        self._step = 0

    def _observation(self) -> Floats:
        observation = self.observe(self._latent, self._task)
        if self.config.horizon > 1:
            observation[:, self._told.stop : -1] = self._z / self.config.action_range
            observation[:, -1] = self._step / self.config.horizon
        return observation
