"""One canvas, or one scene, as an ordinary Gymnasium environment."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from envs.lockstep import Observation
from envs.paint import PaintConfig, PaintVectorEnv
from envs.scenes.config import SceneConfig
from envs.scenes.world import SceneVectorEnv


class SingleEnv(gym.Env[Observation, NDArray[np.int64]]):
    """An ordinary environment around a vector environment of one world."""

    # Of the class, not the object: gymnasium.make reads it before it makes one.
    metadata: dict[str, Any] = {"render_modes": ["rgb_array"], "render_fps": 5}  # noqa: RUF012

    def __init__(self, worlds: Any) -> None:
        self.worlds = worlds
        self.render_mode = worlds.render_mode
        self.observation_space = self.worlds.single_observation_space
        self.action_space = self.worlds.single_action_space

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Clear the canvas. `seed` only seeds the environment's random generator: the world is deterministic."""
        super().reset(seed=seed)
        observation, info = self.worlds.reset(options=options)
        return self.first(observation), info

    def step(self, action: NDArray[np.int64]) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """Do one action, integers [K].

        Raises:
            ValueError: the action is out of range, or the episode is over.
        """
        if self.worlds.must_reset:
            raise ValueError("step: the episode is over (or never began), call reset() first")
        observation, rewards, terminations, _, info = self.worlds.step(np.asarray(action)[None])
        return self.first(observation), float(rewards[0]), bool(terminations[0]), False, info

    def render(self) -> Any:
        """Picture of the full canvas, uint8 [H, W, 3]; None without a render mode."""
        pictures = self.worlds.render()
        return None if pictures is None else pictures[0]

    def close(self) -> None:
        """Free the world."""
        self.worlds.close()

    @staticmethod
    def first(observation: Observation) -> Observation:
        """Observation of the first world, without the leading dimension."""
        return {
            name: value[0] if value.ndim > 1 else np.int64(value[0])  # type: ignore[misc]
            for name, value in observation.items()
        }


class PaintEnv(SingleEnv):
    """The painting world with a single canvas: `PaintVectorEnv` without the leading dimension.

    Registered as `impasto/Paint-v0`; keyword arguments are those of `PaintConfig`.

    Example:
        >>> import gymnasium as gym
        >>> import envs
        >>> env = gym.make("impasto/Paint-v0", color=False, episode_length=6)
        >>> observation, _ = env.reset(seed=0)
        >>> observation["canvas"].shape
        (64, 64, 1)
        >>> env.action_space
        MultiDiscrete([1024 1024    2   10    6])
        >>> env.close()
    """

    def __init__(self, render_mode: str | None = None, **settings: Any) -> None:
        super().__init__(PaintVectorEnv(1, PaintConfig(**settings), render_mode))


class SceneEnv(SingleEnv):
    """The scene world with a single scene: `SceneVectorEnv` without the leading dimension.

    Registered as `impasto/Scene-v0`; keyword arguments are those of `envs.scenes.config.SceneConfig`. If MuJoCo can not
    draw, a `ValueError` of one line says what to install.
    """

    def __init__(self, render_mode: str | None = None, **settings: Any) -> None:
        super().__init__(SceneVectorEnv(1, SceneConfig(**settings), render_mode))
