"""The painting world as a `dm_env` environment with the names and observations of the published one."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

import dm_env
import numpy as np
from dm_env import specs

from envs.paint import PaintConfig, PaintVectorEnv


class LibMyPaint(dm_env.Environment):
    """The environment of `deepmind/spiral` (Ganin et al. 2018) by its own constructor, action and observation names.

    Actions are dictionaries from names to integers. Observations: `canvas` float32 [H, W, C] in [0, 1], `episode_step`
    and `episode_length` int32, and `action_mask`, 1.0 for components of the last action that counted. As published, a
    step after the end resets and ignores its action; `episode_step` is n + 1 after n actions, and after a reset still
    the last value of the episode before; and one brush lives through all episodes and takes a move's x for its y,
    unless `history` and `legacy_move` are false.

    Needs the package `dm_env` (`pip install dm-env`).
    """

    def __init__(
        self,
        episode_length: int = 20,
        canvas_width: int = 64,
        grid_width: int = 32,
        brush_type: str = "classic/dry_brush",
        brush_sizes: tuple[float, ...] | None = None,
        use_color: bool = True,
        use_pressure: bool = True,
        use_alpha: bool = False,
        background: str = "white",
        rewards: None = None,
        discount: float = 1.0,
        brushes_basedir: str = "",
        *,
        history: bool = True,
        legacy_move: bool = True,
    ) -> None:
        """Make a white canvas.

        Args:
            episode_length: actions of an episode, and one for the reset.
            canvas_width: height and width of the canvas in pixels.
            grid_width: cells of the location grid along each side.
            brush_type: name of a libmypaint brush.
            brush_sizes: radii in pixels; None stands for 1, 2 and 3, as published.
            use_color: strokes have colors; else the canvas has one channel.
            use_pressure: strokes have pressures; else the pressure is 1.
            use_alpha: must be false: the canvas is opaque.
            background: must be "white".
            rewards: must be None: the reward is 0, as published.
            discount: discount of all steps but the last.
            brushes_basedir: folder whose `brushes/` holds `brush_type`; by default the installed brushes.
            history: keep one brush for ever.
            legacy_move: reproduce the published move bug.

        Raises:
            ValueError: an argument out of range, or a brush that can not be read.
        """
        if use_alpha or background != "white" or rewards is not None:
            raise ValueError("LibMyPaint: expected use_alpha=False, background='white' and rewards=None")
        brush = f"{brushes_basedir}/brushes/{brush_type}.myb" if brushes_basedir else brush_type
        self.worlds = PaintVectorEnv(
            1,
            PaintConfig(
                canvas_size=canvas_width,
                observation_size=canvas_width,
                grid=grid_width,
                episode_length=episode_length,
                brush=brush,
                brush_sizes=tuple(map(float, brush_sizes or (1, 2, 3))),
                pressure_levels=10 if use_pressure else 1,
                fixed_pressure=1.0,
                color=use_color,
                history=history,
                legacy_move=legacy_move,
            ),
        )
        self._discount = discount
        self._names = self.worlds.spec_actions.names
        self._specs = OrderedDict(
            (part.name, specs.DiscreteArray(part.size, name=part.name)) for part in self.worlds.spec_actions.components
        )
        self._episode_step = 0
        self._over = True

    @property
    def name(self) -> str:
        """Name of the environment, as published."""
        return "libmypaint"

    @property
    def grid_width(self) -> int:
        """Cells of the location grid along each side."""
        return self.worlds.config.grid

    def reset(self) -> dm_env.TimeStep:
        """Begin an episode."""
        observation = self._observation(self.worlds.reset()[0])
        self._episode_step, self._over = 1, False
        return dm_env.restart(observation)

    def step(self, action: dict[str, Any]) -> dm_env.TimeStep:
        """Do one action, or begin an episode after the end of one.

        Raises:
            ValueError: an action out of range.
        """
        if self._over:
            return self.reset()
        for name, value in action.items():
            self._specs[name].validate(np.asarray(value, np.int32))
        painted = self.worlds.step(np.array([[action[name] for name in self._names]], np.int64))
        self._episode_step += 1
        self._over = bool(painted[2][0])
        observation = self._observation(painted[0])
        if self._over:
            return dm_env.termination(reward=0.0, observation=observation)
        return dm_env.transition(reward=0.0, observation=observation, discount=self._discount)

    def action_spec(self) -> OrderedDict[str, specs.DiscreteArray]:
        """Specs of the components in spec order."""
        return self._specs

    def observation_spec(self) -> OrderedDict[str, Any]:
        """Specs of an observation's parts."""
        mask = OrderedDict((name, specs.Array((), np.float32, name)) for name in self._names)
        return OrderedDict(
            canvas=specs.Array(self.worlds.config.canvas_shape, np.float32, "canvas"),
            episode_step=specs.Array((), np.int32, "episode_step"),
            episode_length=specs.Array((), np.int32, "episode_length"),
            action_mask=mask,
        )

    def close(self) -> None:
        """Free the canvas."""
        self.worlds.close()

    def _observation(self, observation: dict[str, Any]) -> OrderedDict[str, Any]:
        mask = observation["action_mask"][0].astype(np.float32)
        return OrderedDict(
            canvas=np.single(observation["canvas"][0]) / 255.0,
            episode_step=np.array(self._episode_step, np.int32),
            episode_length=np.array(self.worlds.config.episode_length, np.int32),
            action_mask=OrderedDict(zip(self._names, mask, strict=True)),
        )
