"""One canvas, or one scene, as an ordinary Gymnasium environment."""

from __future__ import annotations

import copy
from typing import Any, Self

import gymnasium as gym
import numpy as np
from gymnasium.vector import AutoresetMode
from numpy.typing import NDArray

from envs.lockstep import LockStepVectorEnv, Observation
from envs.paint import PaintConfig, PaintVectorEnv
from envs.scenes.config import SceneConfig
from envs.scenes.world import SceneVectorEnv


class SingleEnv(gym.Env[Observation, NDArray[np.int64]]):
    """An ordinary environment around a vector environment of one world."""

    # Of the class, not the object: gymnasium.make reads it before it makes one.
    metadata: dict[str, Any] = {"render_modes": ["rgb_array"], "render_fps": 5}  # noqa: RUF012

    def __init__(self, worlds: LockStepVectorEnv[Any]) -> None:
        """Take a vector environment of one world, without autoreset."""
        self.worlds = worlds
        self.metadata = dict(type(self).metadata)  # Gymnasium's SyncVectorEnv writes into it
        self.render_mode = worlds.render_mode
        self.observation_space = worlds.single_observation_space
        self.action_space = worlds.single_action_space

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Begin an episode on an empty canvas.

        Args:
            seed: seed of the draws of targets; worlds are deterministic otherwise.
            options: "target", uint8 [H, W, C], with the reward "l2".

        Returns:
            Observation and an empty info.

        Raises:
            ValueError: an unknown option, one of another shape, or no target although the reward is "l2".
        """
        super().reset(seed=seed)
        self.worlds.generators = [self.np_random]
        observation, info = self.worlds.reset(options=options)
        return self.first(observation), info

    def step(self, action: NDArray[np.int64]) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """Do one action, integers [K].

        Raises:
            ValueError: the action is out of range, or the episode is over.
        """
        observation, rewards, terminations, _, info = self.worlds.step(np.asarray(action)[None])
        return self.first(observation), float(rewards[0]), bool(terminations[0]), False, info

    def render(self) -> Any:
        """Picture of the full canvas, uint8 [H, W, 3]; None without a render mode."""
        pictures: tuple[NDArray[np.uint8], ...] | None = self.worlds.render()
        return None if pictures is None else pictures[0]

    def close(self) -> None:
        """Free the world."""
        self.worlds.close()

    def __copy__(self) -> Self:
        """Copy the environment whole: two environments never share a canvas."""
        return copy.deepcopy(self)

    @staticmethod
    def first(observation: Observation) -> Observation:
        """Observation of the first world, without the leading dimension."""
        return {
            name: value[0] if value.ndim > 1 else np.int64(value[0])  # type: ignore[misc]
            for name, value in observation.items()
        }


class PaintEnv(SingleEnv):
    """The painting world with a single canvas: `PaintVectorEnv` without the leading dimension.

    Registered as `impasto/Paint-v0`. Keyword arguments are the fields of `PaintConfig` and the reward's: `reward="l2"`
    pays nearness to a target, see `envs.targets.Targets`.

    Example:
        >>> import gymnasium as gym
        >>> import envs
        >>> env = gym.make("impasto/Paint-v0", color=False, episode_length=6, reward="l2")
        >>> black = np.zeros((64, 64, 1), np.uint8)
        >>> observation, _ = env.reset(seed=0, options={"target": black})
        >>> observation["canvas"].shape, observation["target"].shape
        ((64, 64, 1), (64, 64, 1))
        >>> env.action_space
        MultiDiscrete([1024 1024    2   10    6])
        >>> _, reward, *_ = env.step(np.array([500, 1000, 1, 9, 5]))  # a thick stroke, nearer to black
        >>> reward > 0
        True
        >>> env.close()
    """

    def __init__(self, config: PaintConfig | None = None, render_mode: str | None = None, **settings: Any) -> None:
        """Make a white canvas; arguments as of `PaintVectorEnv`."""
        super().__init__(PaintVectorEnv(1, config, render_mode, autoreset_mode=AutoresetMode.DISABLED, **settings))


class SceneEnv(SingleEnv):
    """The scene world with a single scene: `SceneVectorEnv` without the leading dimension.

    Registered as `impasto/Scene-v0`; keyword arguments are the fields of `envs.scenes.config.SceneConfig` and the
    reward's. If MuJoCo can not draw, a `ValueError` of one line says what to install.
    """

    def __init__(self, config: SceneConfig | None = None, render_mode: str | None = None, **settings: Any) -> None:
        """Make an empty scene; arguments as of `SceneVectorEnv`."""
        super().__init__(SceneVectorEnv(1, config, render_mode, autoreset_mode=AutoresetMode.DISABLED, **settings))
