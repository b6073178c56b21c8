"""The worlds that take integer actions [N, K] and show canvases, which actors and learners need not tell apart."""

from __future__ import annotations

from typing import TypeAlias

from envs.paint import PaintConfig, PaintVectorEnv
from envs.scenes.config import SceneConfig
from envs.scenes.world import SceneVectorEnv

WorldConfig: TypeAlias = PaintConfig | SceneConfig
World: TypeAlias = PaintVectorEnv | SceneVectorEnv


def make_world(count: int, config: WorldConfig, render_mode: str | None = None) -> World:
    """Make `count` worlds that step together.

    Raises:
        ValueError: the world can not be made here; one line that says why.

    Example:
        >>> make_world(3, PaintConfig(color=False)).single_observation_space["canvas"].shape
        (64, 64, 1)
    """
    kind = SceneVectorEnv if isinstance(config, SceneConfig) else PaintVectorEnv
    return kind(count, config, render_mode)  # type: ignore[arg-type]
