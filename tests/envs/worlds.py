"""Small painting worlds and random actions for them."""

import numpy as np
from numpy.typing import NDArray

from envs.paint import PaintConfig

COLOR = PaintConfig(episode_length=6)
FREE = PaintConfig(episode_length=6, strokes="free")
GRAY = PaintConfig(
    observation_size=32, grid=16, episode_length=6, brush="classic/pen", brush_sizes=(1.0, 2.0), pressure_levels=1,
    color=False,
)  # fmt: skip


def random_actions(config: PaintConfig, count: int, seed: int = 0) -> NDArray[np.int64]:
    """Actions int64 [T, N, K] of an episode."""
    spec = config.action_spec
    return np.random.default_rng(seed).integers(0, spec.sizes, (config.num_actions, count, len(spec.sizes)))
