"""The painting world of SPIRAL: a vector environment in which every action is one stroke of libmypaint."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from envs.lockstep import LockStepVectorEnv
from envs.resampling import pool
from envs.strokes import PaintConfig, StrokeDecoder, Strokes, some
from pymypaint import BatchPainter

__all__ = ["PaintConfig", "PaintVectorEnv", "StrokeDecoder", "Strokes", "pool"]


class PaintVectorEnv(LockStepVectorEnv[PaintConfig]):
    """N paintings that step together, see `envs.lockstep.LockStepVectorEnv`; an action is one stroke.

    Example:
        Two canvases are painted on at random for an episode of five actions.

        >>> from envs import PaintConfig, PaintVectorEnv
        >>> worlds = PaintVectorEnv(2, PaintConfig(color=False, episode_length=6))
        >>> observation, _ = worlds.reset()
        >>> bool((observation["canvas"] == 255).all())
        True
        >>> _ = worlds.action_space.seed(0)
        >>> ended = [False, False]
        >>> while not any(ended):
        ...     observation, reward, ended, _, _ = worlds.step(worlds.action_space.sample())
        >>> observation["canvas"].shape, observation["episode_step"].tolist()
        ((2, 64, 64, 1), [5, 5])
        >>> bool((observation["canvas"] < 255).any())
        True
        >>> worlds.close()
    """

    config_class: ClassVar = PaintConfig

    def build(self) -> None:
        """Make white canvases, and the brushes that paint on them."""
        config = self.config
        self.decoder = StrokeDecoder(config)
        self.canvas = np.full((self.num_envs, config.canvas_size, config.canvas_size, config.channels), 255, np.uint8)
        # Actions of the present episodes: a copy of the environment paints them again.
        self.past = np.zeros((config.num_actions, self.num_envs, len(self.spec_actions.components)), np.int16)
        self.painter = self._make_painter()

    def clear(self, rows: NDArray[np.bool_]) -> None:
        """Make the canvases in `rows` white and, unless `history` is set, their brushes new."""
        self.painter.reset(self.canvas, log_radius=self.decoder.smallest_log_radius(), active=some(rows))

    def apply(self, actions: NDArray[np.int64], rows: NDArray[np.bool_]) -> None:
        """Paint one stroke, int64 [N, K], on each canvas in `rows`."""
        self.past[self.steps[rows], rows] = actions[rows]
        self.decoder(actions).paint_on(self.painter, self.canvas, some(rows))

    def seen(self) -> NDArray[np.uint8]:
        """Canvases at the size of observations, uint8 [N, H, W, C]."""
        canvas = pool(self.canvas, self.config.observation_size)
        return canvas.copy() if canvas is self.canvas else canvas

    def render(self) -> Any:
        """Pictures of the full canvases, uint8 [H, W, 3], one for each environment; None without a render mode."""
        if self.render_mode is None:
            return None
        return tuple(np.broadcast_to(canvas, (*canvas.shape[:2], 3)).copy() for canvas in self.canvas)

    def close_extras(self, **kwargs: Any) -> None:
        """Free the native canvases."""
        if hasattr(self, "painter"):  # Gymnasium's __del__ also closes what failed to be made
            self.painter.close()

    def _make_painter(self) -> BatchPainter:
        config = self.config
        return BatchPainter(
            self.num_envs,
            config.brush,
            height=config.canvas_size,
            width=config.canvas_size,
            history=config.history,
            legacy_move=config.legacy_move,
            fresh_strokes=config.fresh_strokes,
            defaults=config.brush_defaults,
            threads=config.threads,
        )

    def __getstate__(self) -> dict[str, Any]:
        """State without native canvases, for copies and pickles.

        Raises:
            TypeError: with `history`, a brush's state depends on all earlier episodes and can not be made again.
        """
        if self.config.history:
            raise TypeError("a painting world with history=True can not be copied or pickled: set history=False")
        return {name: value for name, value in self.__dict__.items() if name != "painter"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Make new native canvases and paint the present episodes on them."""
        self.__dict__.update(state)
        self.painter = self._make_painter()
        if self.closed:
            self.painter.close()
            return
        self.clear(np.ones(self.num_envs, bool))
        for step in range(int(self.steps.max())):
            rows = self.steps > step
            self.decoder(self.past[step].astype(np.int64)).paint_on(self.painter, self.canvas, some(rows))
