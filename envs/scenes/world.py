"""The scene world: a vector environment in which every action adds an object, changes the last one, or does nothing."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from envs.lockstep import LockStepVectorEnv
from envs.scenes.config import ATTRIBUTES, SceneConfig
from envs.scenes.rendering import shared_renderer
from envs.spec import ADD, MODIFY, ActionSpec


class Scenes:
    """N scenes as data, which `SceneVectorEnv` draws.

    Attributes:
        objects: int16 [N, T, 6], the attributes of each object in the order of their addition.
        counts: int64 [N], the number of objects in each scene.
    """

    def __init__(self, count: int, spec: ActionSpec, most: int) -> None:
        self.objects = np.zeros((count, most, len(ATTRIBUTES)), np.int16)
        self.counts = np.zeros(count, np.int64)
        self.flag = spec.flag
        self.columns = [spec.names.index(name) for name in ATTRIBUTES]

    def apply(self, actions: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Do one action int64 [N, K] in each scene. To modify the last object of an empty scene does nothing.

        Returns:
            bool [N], true for scenes that look different now.
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
    """Make the scenes of recorded actions, integers [T, N, K], without drawing them."""
    scenes = Scenes(actions.shape[1], config.action_spec, len(actions))
    for action in actions.astype(np.int64):
        scenes.apply(action)
    return scenes


class SceneVectorEnv(LockStepVectorEnv[SceneConfig]):
    """N scenes that step together, see `envs.lockstep.LockStepVectorEnv`.

    An action is flag, type, location, size, red, green, blue. Flag 0 does nothing, 1 adds an object, and 2 changes the
    object that was added last.
    """

    config_class: ClassVar = SceneConfig

    def build(self) -> None:
        """Make empty scenes, and the renderer that draws them."""
        self.scenes = Scenes(self.num_envs, self.spec_actions, self.config.num_actions)
        self.renderer = shared_renderer(self.config)
        self.empty = self.renderer.render_all(self.scenes.objects[:1], self.scenes.counts[:1])[0]
        self.canvas = np.empty((self.num_envs, *self.config.canvas_shape), np.uint8)
        self.clear(np.ones(self.num_envs, bool))

    def clear(self, rows: NDArray[np.bool_]) -> None:
        """Take all objects out of the scenes in `rows`."""
        self.scenes.counts[rows] = 0
        self.canvas[rows] = self.empty

    def apply(self, actions: NDArray[np.int64], rows: NDArray[np.bool_]) -> None:
        """Do one action int64 [N, K] in each scene in `rows`; scenes that look as before are not drawn again."""
        if not rows.all():
            actions = np.where(rows[:, None], actions, 0)  # which does nothing
        changed = self.scenes.apply(actions)
        self.renderer.render_all(self.scenes.objects, self.scenes.counts, self.canvas, changed)

    def seen(self) -> NDArray[np.uint8]:
        """Pictures of the scenes, uint8 [N, H, W, 3]; a copy."""
        return self.canvas.copy()

    def render(self) -> Any:
        """Pictures uint8 [H, W, 3], one for each environment; None without a render mode."""
        return None if self.render_mode is None else tuple(canvas.copy() for canvas in self.canvas)

    def __getstate__(self) -> dict[str, Any]:
        """State without the renderer, which belongs to a thread, for copies and pickles."""
        return {name: value for name, value in self.__dict__.items() if name != "renderer"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Take the renderer of the thread that copies or unpickles."""
        self.__dict__.update(state)
        self.renderer = shared_renderer(self.config)
