"""The scene world: a vector environment in which every action adds an object, changes the last one, or does nothing."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from envs.lockstep import LockStepVectorEnv
from envs.scenes.config import ATTRIBUTES, SceneConfig
from envs.scenes.rendering import shared_renderer
from envs.spec import ADD, MODIFY, ActionSpec


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


class SceneVectorEnv(LockStepVectorEnv[SceneConfig]):
    """N scenes in lock-step, see :class:`envs.lockstep.LockStepVectorEnv`; flag 0 skips, 1 adds, 2 modifies the last.

    An action is flag, type, location, size, red, green, blue.
    """

    def __init__(self, num_envs: int = 1, config: SceneConfig | None = None, render_mode: str | None = None) -> None:
        super().__init__(num_envs, config or SceneConfig(), render_mode)
        self.scenes = Scenes(num_envs, self.spec_actions, self.config.num_actions)
        self.renderer = shared_renderer(self.config)
        self.empty = self.renderer.render_all(self.scenes.objects[:1], self.scenes.counts[:1])[0]
        self.canvas = np.empty((num_envs, *self.config.canvas_shape), np.uint8)
        self.clear()

    def clear(self) -> None:
        """Take all objects away."""
        self.scenes.clear()
        self.canvas[:] = self.empty

    def apply(self, actions: NDArray[np.int64]) -> None:
        """Do one action int64 [N, K] in each scene; scenes that look as before are not drawn again."""
        changed = self.scenes.apply(actions)
        self.renderer.render_all(self.scenes.objects, self.scenes.counts, self.canvas, changed)

    def seen(self) -> NDArray[np.uint8]:
        """uint8 [N, H, W, 3]."""
        return self.canvas.copy()

    def render(self) -> Any:
        """uint8 [H, W, 3] pictures, one for each environment (None without a render mode)."""
        return None if self.render_mode is None else tuple(canvas.copy() for canvas in self.canvas)
