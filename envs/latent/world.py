"""The latent world: an action is a sample of a GAN's prior, and what it decodes to is scored against a task."""

from __future__ import annotations

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
from envs.latent.rules import Floats, Ints, LatentConfig, LatentRules, add_noise
from envs.latent.tasks import TaskSet

_BATCH = 1000


class LatentVectorEnv(gym.vector.VectorEnv[Floats, Floats, NDArray[Any]]):
    """N translations that step together. An episode of one step (the default) is a contextual bandit.

    Observation float32 [N, O], see `LatentRules`; action float32 [N, z] in [-1, 1].

    `step` returns the score of every step's outcome as its reward, ends all episodes together (`terminated`, since the
    horizon is part of the task) and then returns the next episode's observation (autoreset in the same step). Its info:
    "features" float32 [N, F], "source" float32 [N, S], "task" int64 [N] of the step that was made (see
    `envs.latent.features`), and at the end of an episode "final_obs" float32 [N, O], the observation that followed it.

    Images are drawn anew, with replacement, at each reset.

    Attributes:
        rules: the rules that score, relabel and observe stored transitions; they need no images.

    Example:
        Untrained parts and made-up images show the shapes; `impasto train latent` trains the parts first.

        >>> from envs import FrozenParts, LatentConfig, LatentVectorEnv
        >>> from envs.latent import PartsShape
        >>> images, labels = np.zeros((20, 28, 28, 1), np.uint8), np.arange(20) % 10
        >>> worlds = LatentVectorEnv(4, LatentConfig(task="add:1"), FrozenParts(PartsShape()), images, labels)
        >>> observation, info = worlds.reset(seed=0)
        >>> observation.shape, worlds.single_action_space.shape
        ((4, 42), (16,))
        >>> observation, reward, ended, _, info = worlds.step(np.zeros((4, 16), np.float32))
        >>> reward.shape, ended.tolist()
        ((4,), [True, True, True, True])
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
        """Draw from `images` uint8 [M, H, W, C], 0 background to 255, and their `labels` int64 [M] or None.

        Args:
            num_envs: N.
            config: settings of the world.
            parts: the trained networks that decode and judge.
            images: the images that are translated.
            labels: their classes, if the data have any.
            seed: seed of all draws.
            tasks: tasks that replace the configuration's.

        Raises:
            ValueError: images of another shape, another number of labels, or none although the task needs them.
        """
        if images.dtype != np.uint8 or images.shape[1:] != parts.shape.image_shape or not len(images):
            expected = list(parts.shape.image_shape)
            raise ValueError(f"images: expected uint8 [M, *{expected}], got {images.dtype} {list(images.shape)}")
        if labels is not None and len(labels) != len(images):
            raise ValueError(f"labels: {len(labels)} for {len(images)} images")
        self.config, self.parts = config, parts
        self.rules = rules = LatentRules(config, parts, tasks)
        self.observe, self.retell = rules.observe, rules.retell
        self.score, self.relabel = rules.score, rules.relabel
        if labels is None and (rules.tasks.targets[rules.tasks.asked] >= 0).any():
            raise ValueError(f"task {config.task!r}: needs the labels of the images")
        self.images, self.labels = images, labels
        self.latents, self.measures = self._read(images)
        self.num_envs = num_envs
        self.single_observation_space = gym.spaces.Box(-np.inf, np.inf, (rules.observed,), np.float32)
        self.single_action_space = gym.spaces.Box(-1.0, 1.0, (parts.shape.z,), np.float32)
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self.metadata = {"autoreset_mode": AutoresetMode.SAME_STEP}
        self._z: Floats = np.zeros((num_envs, parts.shape.z), np.float32)
        self._step = 0
        self._seed(seed)
        self._begin()

    def reset(
        self, *, seed: int | list[int | None] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Floats, dict[str, Any]]:
        """Draw new inputs and tasks, which the info holds as "source" and "task". A `seed` restarts the draws."""
        if isinstance(seed, int):
            self._seed(seed)
        self._begin()
        return self._observation(), {"source": self._source, "task": self._task}

    def step(self, actions: Floats) -> tuple[Floats, Floats, NDArray[Any], NDArray[Any], dict[str, Any]]:
        """Decode and score one action for each translation.

        Raises:
            ValueError: actions of another shape.
        """
        if actions.shape != self._z.shape:
            raise ValueError(f"actions: expected {list(self._z.shape)}, got {list(actions.shape)}")
        self._z = self.rules.move(self._z, actions, first=self._step == 0)
        self._step += 1
        features = self.rules.features(self._z)
        info: dict[str, Any] = {"features": features, "source": self._source, "task": self._task}
        reward = self.score(features, self._source, self._task)
        over = self._step == self.config.horizon
        ended = np.full(self.num_envs, over)
        if over:
            info["final_obs"] = self._observation()
            self._begin()
        return self._observation(), reward, ended, np.zeros(self.num_envs, np.bool_), info

    def _read(self, images: NDArray[np.uint8]) -> tuple[Tensor, Tensor]:
        """Compute the latents float32 [M, L] and measures float32 [M, 7] of all images."""
        latents, measures = [], []
        with torch.inference_mode():
            for start in range(0, len(images), _BATCH):
                batch = to_unit(torch.from_numpy(images[start : start + _BATCH]))
                latents.append(self.parts.encode(batch))
                measures.append(measure(batch))
        return torch.cat(latents), torch.cat(measures)

    def _seed(self, seed: int) -> None:
        self._rng = np.random.default_rng(seed)
        self._noise = torch.Generator().manual_seed(int(self._rng.integers(2**62)))

    def _begin(self) -> None:
        config = self.config
        rows = self._rng.integers(len(self.images), size=self.num_envs)
        picked = torch.from_numpy(rows)
        self._task: Ints = self._rng.choice(self.rules.tasks.asked, self.num_envs)
        label = np.full(self.num_envs, -1) if self.labels is None else self.labels[rows]
        source = Source(torch.from_numpy(label), self.measures[picked], self.latents[picked])
        self._source: Floats = self.rules.layout.pack_source(source).numpy()
        self._latent: Floats = source.latent.numpy().copy()
        noisy = np.flatnonzero(self._rng.random(self.num_envs) < config.noise)
        if len(noisy) and config.max_sigma:
            sigma = torch.from_numpy(self._rng.uniform(0, config.max_sigma, len(noisy)).astype(np.float32))
            images = to_unit(torch.from_numpy(self.images[rows[noisy]]))
            with torch.inference_mode():
                self._latent[noisy] = self.parts.encode(add_noise(images, sigma, self._noise)).numpy()
        self._z = np.zeros_like(self._z)
        self._step = 0

    def _observation(self) -> Floats:
        return self.observe(self._latent, self._task, self._z, self._step)
