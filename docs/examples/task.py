"""The task that all examples learn: paint the left half of the canvas black, in four strokes, paid by the L2 reward."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np

import envs  # noqa: F401  (registers impasto/Paint-v0)

TARGET = np.full((1, 32, 32, 1), 255, np.uint8)
TARGET[:, :, :16] = 0

SETTINGS: dict[str, Any] = {
    "observation_size": 32,
    "grid": 4,
    "episode_length": 5,  # the reset counts as one
    "brush": "classic/pen",
    "brush_sizes": (8.0,),
    "pressure_levels": 1,
    "color": False,
    "reward": "l2",
    "data": TARGET,
}


def make() -> gym.Env[Any, Any]:
    """Make one canvas; `gym.make_vec("impasto/Paint-v0", num_envs=N, **SETTINGS)` makes N that are painted at once."""
    return gym.make("impasto/Paint-v0", **SETTINGS)


def random_return(episodes: int = 200) -> float:
    """Mean return of random strokes, which every learner has to beat."""
    canvases = gym.make_vec("impasto/Paint-v0", num_envs=episodes, **SETTINGS)
    canvases.reset(seed=0)
    canvases.action_space.seed(0)
    total = np.zeros(episodes)
    for _ in range(SETTINGS["episode_length"] - 1):
        total += canvases.step(canvases.action_space.sample())[1]
    return float(total.mean())
