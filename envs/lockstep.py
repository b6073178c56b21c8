"""The base of all worlds with integer actions: N canvases that step together, by Gymnasium's conventions."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, Generic, Protocol, TypeVar

import gymnasium as gym
import numpy as np
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray

from envs.spec import ActionSpec

Observation = dict[str, NDArray[Any]]


class LockStepConfig(Protocol):
    """Settings that every world has: its action spec, the shape of its canvas, and the length of its episodes."""

    @property
    def action_spec(self) -> ActionSpec:
        """Components of an action."""

    @property
    def canvas_shape(self) -> tuple[int, int, int]:
        """(H, W, C) of the observed canvas."""

    @property
    def episode_length(self) -> int:
        """Number of actions of an episode, and one for the reset."""

    @property
    def num_actions(self) -> int:
        """T, the number of actions of an episode."""


Config = TypeVar("Config", bound=LockStepConfig)


class LockStepVectorEnv(gym.vector.VectorEnv[Observation, NDArray[np.int64], NDArray[np.uint8]], ABC, Generic[Config]):
    """N canvases that step together.

    Observation, a dict of arrays with leading dimension N:

    - `canvas` uint8 [N, H, W, C]; white is 255.
    - `action_mask` int8 [N, K]: 1 for components of the last action that counted (after a reset as after a move).
    - `episode_step` int64 [N]: actions so far, 0 after a reset.
    - `episode_length` int64 [N]: as configured.

    Actions are integers [N, K] in spec order. The environment's reward is 0: rewards come from a discriminator.
    All episodes have the same length, so all N terminate in the same step; the next step resets all of them and
    ignores its actions (`AutoresetMode.NEXT_STEP`), as in SPIRAL's published environment.
    """

    def __init__(self, num_envs: int, config: Config, render_mode: str | None = None) -> None:
        if num_envs < 1:
            raise ValueError(f"num_envs: expected at least 1, got {num_envs}")
        self.config = config
        self.spec_actions = config.action_spec
        self.num_envs = num_envs
        self.render_mode = render_mode
        self.metadata = {"render_modes": ["rgb_array"], "autoreset_mode": gym.vector.AutoresetMode.NEXT_STEP}
        sizes = self.spec_actions.sizes
        self.single_action_space = gym.spaces.MultiDiscrete(sizes)
        self.single_observation_space = gym.spaces.Dict(
            {
                "canvas": gym.spaces.Box(0, 255, config.canvas_shape, np.uint8),
                "action_mask": gym.spaces.MultiBinary(len(sizes)),
                "episode_step": gym.spaces.Discrete(config.episode_length),
                "episode_length": gym.spaces.Discrete(config.episode_length + 1),
            }
        )
        self.action_space = batch_space(self.single_action_space, num_envs)
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.unused_mask = self.spec_actions.mask(np.zeros((num_envs, len(sizes)), np.int64))
        self.mask = self.unused_mask
        self.step_count = 0
        self.must_reset = True

    @abstractmethod
    def clear(self) -> None:
        """Make all canvases empty."""

    @abstractmethod
    def apply(self, actions: NDArray[np.int64]) -> None:
        """Do one valid action int64 [N, K] on each canvas."""

    @abstractmethod
    def seen(self) -> NDArray[np.uint8]:
        """Canvases as observed, uint8 [N, H, W, C]; the caller's to keep."""

    def reset(
        self, *, seed: int | list[int | None] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Clear all canvases. The world is deterministic: `seed` only seeds `np_random`, which is not used."""
        super().reset(seed=seed if isinstance(seed, int) else None, options=options)
        self.clear()
        self.mask = self.unused_mask
        self.step_count = 0
        self.must_reset = False
        return self.observation(), {}

    def step(
        self, actions: NDArray[np.int64]
    ) -> tuple[Observation, NDArray[Any], NDArray[Any], NDArray[Any], dict[str, Any]]:
        """Do one action on each canvas.

        Returns:
            Observation, rewards float64 [N] (zeros), terminations bool [N], truncations bool [N] (never), info.

        Raises:
            ValueError: actions of the wrong dtype, shape or range.
            RuntimeError: the environment is closed.
        """
        if self.closed:
            raise RuntimeError("step: the environment is closed")
        zeros = np.zeros(self.num_envs)
        if self.must_reset:
            observation, info = self.reset()
            return observation, zeros, zeros.astype(bool), zeros.astype(bool), info
        actions = self.spec_actions.validate(actions, self.num_envs)
        if self.spec_actions.first_is_move and self.step_count == 0:
            actions = actions.copy()
            actions[:, self.spec_actions.flag] = 0
        self.apply(actions)
        self.mask = self.spec_actions.mask(actions)
        self.step_count += 1
        self.must_reset = self.step_count == self.config.num_actions
        terminated = np.full(self.num_envs, self.must_reset)
        return self.observation(), zeros, terminated, np.zeros(self.num_envs, bool), {}

    def observation(self) -> Observation:
        """Observation of the present state; its arrays are the caller's to keep."""
        return {
            "canvas": self.seen(),
            "action_mask": self.mask.astype(np.int8),
            "episode_step": np.full(self.num_envs, self.step_count, np.int64),
            "episode_length": np.full(self.num_envs, self.config.episode_length, np.int64),
        }
