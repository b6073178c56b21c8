"""The scene world: a vector environment in which every action adds an object, changes the last one, or does nothing."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray

from envs.scenes.config import ADD, ATTRIBUTES, MODIFY, SceneConfig
from envs.scenes.rendering import shared_renderer
from envs.spec import ActionSpec

Observation = dict[str, NDArray[Any]]


class Scenes:
    """N scenes as data: what :class:`SceneVectorEnv` draws.

    Attributes:
        objects: int16 [N, T, 6], the attributes of each object in the order in which they were added.
        counts: int64 [N], how many objects there are in each scene.
    """

    def __init__(self, count: int, spec: ActionSpec, most: int) -> None:
        self.objects = np.zeros((count, most, len(ATTRIBUTES)), np.int16)
        self.counts = np.zeros(count, np.int64)
        self.flag = spec.flag
        self.columns = [spec.names.index(name) for name in ATTRIBUTES]

    def clear(self) -> None:
        """Take all objects away."""
        self.counts[:] = 0

    def apply(self, actions: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Do one action int64 [N, K] in each scene; returns bool [N], which of them look different now.

        To modify the last object of an empty scene does nothing.
        """
        flags, attributes = actions[:, self.flag], actions[:, self.columns]
        self.counts += flags == ADD
        changed: NDArray[np.bool_] = (flags == ADD) | ((flags == MODIFY) & (self.counts > 0))
        rows = np.flatnonzero(changed)
        places = self.counts[rows] - 1
        same = (flags[rows] == MODIFY) & (self.objects[rows, places] == attributes[rows]).all(1)
        self.objects[rows, places] = attributes[rows]
        changed[rows[same]] = False
        return changed


def scenes_made(actions: NDArray[np.integer[Any]], config: SceneConfig) -> Scenes:
    """The scenes that recorded actions, integers [T, N, K], lead to; nothing is drawn."""
    scenes = Scenes(actions.shape[1], config.action_spec, len(actions))
    for action in actions.astype(np.int64):
        scenes.apply(action)
    return scenes


class SceneVectorEnv(gym.vector.VectorEnv[Observation, NDArray[np.int64], NDArray[np.uint8]]):
    """N scenes in lock-step, with the conventions of :class:`envs.paint.PaintVectorEnv`.

    Observation, a dict of arrays with leading dimension N:

    - ``canvas`` uint8 [N, H, W, 3].
    - ``action_mask`` int8 [N, K]: which components of the last action counted (after a reset as after a skip).
    - ``episode_step`` int64 [N]: actions so far, 0 after a reset.
    - ``episode_length`` int64 [N]: actions of an episode, and one for the reset.

    Actions are integers [N, K] in spec order: flag (0 skip, 1 add, 2 modify the last), type, location, size, red,
    green, blue. The environment's reward is 0. All N terminate in the same step; the next step resets all of them and
    ignores its actions (``AutoresetMode.NEXT_STEP``).
    """

    def __init__(self, num_envs: int = 1, config: SceneConfig | None = None, render_mode: str | None = None) -> None:
        if num_envs < 1:
            raise ValueError(f"num_envs: expected at least 1, got {num_envs}")
        self.config = config or SceneConfig()
        self.spec_actions = self.config.action_spec
        self.num_envs = num_envs
        self.render_mode = render_mode
        self.metadata = {"render_modes": ["rgb_array"], "autoreset_mode": gym.vector.AutoresetMode.NEXT_STEP}
        sizes = self.spec_actions.sizes
        self.single_action_space = gym.spaces.MultiDiscrete(sizes)
        self.single_observation_space = gym.spaces.Dict(
            {
                "canvas": gym.spaces.Box(0, 255, self.config.canvas_shape, np.uint8),
                "action_mask": gym.spaces.MultiBinary(len(sizes)),
                "episode_step": gym.spaces.Discrete(self.config.episode_length),
                "episode_length": gym.spaces.Discrete(self.config.episode_length + 1),
            }
        )
        self.action_space = batch_space(self.single_action_space, num_envs)
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.scenes = Scenes(num_envs, self.spec_actions, self.config.num_actions)
        self.renderer = shared_renderer(self.config)
        self.empty = self.renderer.render_all(self.scenes.objects[:1], self.scenes.counts[:1])[0]
        self.canvas = np.empty((num_envs, *self.config.canvas_shape), np.uint8)
        self.step_count = 0
        self.must_reset = True
        self.forget()

    def forget(self) -> None:
        """The state after a reset."""
        self.scenes.clear()
        self.canvas[:] = self.empty
        self.mask = self.spec_actions.mask(np.zeros((self.num_envs, len(self.spec_actions.components)), np.int64))
        self.step_count = 0

    def reset(
        self, *, seed: int | list[int | None] | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Clear all scenes. The world is deterministic: ``seed`` only seeds ``np_random``, which is not used."""
        super().reset(seed=seed if isinstance(seed, int) else None, options=options)
        self.forget()
        self.must_reset = False
        return self.observation(), {}

    def step(
        self, actions: NDArray[np.int64]
    ) -> tuple[Observation, NDArray[Any], NDArray[Any], NDArray[Any], dict[str, Any]]:
        """Do one action in each scene; scenes that look as before are not drawn again.

        Returns:
            observation, rewards float64 [N] (zeros), terminations bool [N], truncations bool [N] (never), info.

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
        changed = self.scenes.apply(actions)
        self.renderer.render_all(self.scenes.objects, self.scenes.counts, self.canvas, changed)
        self.mask = self.spec_actions.mask(actions)
        self.step_count += 1
        self.must_reset = self.step_count == self.config.num_actions
        terminated = np.full(self.num_envs, self.must_reset)
        return self.observation(), zeros, terminated, np.zeros(self.num_envs, bool), {}

    def observation(self) -> Observation:
        """The observation of the present state; arrays are the caller's to keep."""
        return {
            "canvas": self.canvas.copy(),
            "action_mask": self.mask.astype(np.int8),
            "episode_step": np.full(self.num_envs, self.step_count, np.int64),
            "episode_length": np.full(self.num_envs, self.config.episode_length, np.int64),
        }

    def render(self) -> Any:
        """uint8 [H, W, 3] pictures, one for each environment (None without a render mode)."""
        return None if self.render_mode is None else tuple(canvas.copy() for canvas in self.canvas)
