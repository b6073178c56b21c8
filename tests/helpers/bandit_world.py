"""A world with tasks, of one step: turn a point by the task's angle. Importing it registers ``Turn-v0``."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.vector import AutoresetMode
from gymnasium.vector.utils import batch_space

TASKS = 3


def turned(point: np.ndarray, task: np.ndarray) -> np.ndarray:
    """float32 [N, 2] turned by a third of a circle for each task number."""
    angle = 2 * np.pi * task / TASKS
    x, y = point[:, 0], point[:, 1]
    return np.stack([np.cos(angle) * x - np.sin(angle) * y, np.sin(angle) * x + np.cos(angle) * y], 1).astype(
        np.float32
    )


class TurnWorld(gym.vector.VectorEnv[Any, Any, Any]):
    """Observation: point (2) and one-hot task (3). Action [-1, 1]^2. Features: the action; source: the point."""

    def __init__(self, num_envs: int = 1, render_mode: str | None = None) -> None:
        self.num_envs = num_envs
        self.single_observation_space = gym.spaces.Box(-1, 1, (2 + TASKS,), np.float32)
        self.single_action_space = gym.spaces.Box(-1, 1, (2,), np.float32)
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self.metadata = {"autoreset_mode": AutoresetMode.SAME_STEP}

    def reset(self, *, seed: Any = None, options: Any = None) -> tuple[np.ndarray, dict[str, Any]]:
        if seed is not None:
            self.rng = np.random.default_rng(seed)
        return self.draw(), {}

    def draw(self) -> np.ndarray:
        radius, angle = 0.9 * self.rng.random(self.num_envs), self.rng.uniform(0, 2 * np.pi, self.num_envs)
        self.point = np.stack([radius * np.cos(angle), radius * np.sin(angle)], 1).astype(np.float32)
        self.task = self.rng.integers(TASKS, size=self.num_envs)
        return self.observe(self.point, self.task)

    def step(self, actions: np.ndarray) -> Any:
        info = {"features": actions.astype(np.float32), "source": self.point, "task": self.task}
        reward = self.score(info["features"], self.point, self.task)
        info["final_obs"] = self.observe(self.point, self.task)
        yes = np.ones(self.num_envs, bool)
        return self.draw(), reward, yes, ~yes, info

    @staticmethod
    def observe(point: np.ndarray, task: np.ndarray) -> np.ndarray:
        return np.concatenate([point, np.eye(TASKS, dtype=np.float32)[task]], 1)

    @staticmethod
    def score(features: np.ndarray, source: np.ndarray, task: np.ndarray) -> np.ndarray:
        distance: np.ndarray = ((features - turned(source, task)) ** 2).sum(1)
        return (1 - distance).astype(np.float32)

    def relabel(self, features: np.ndarray, source: np.ndarray, task: np.ndarray, rng: Any) -> np.ndarray:
        scores = [self.score(features, source, np.full(len(task), number)) for number in range(TASKS)]
        best: np.ndarray = np.argmax(scores, 0)
        return best

    @staticmethod
    def retell(observation: np.ndarray, task: np.ndarray) -> np.ndarray:
        return TurnWorld.observe(observation[:, :2], task)


gym.register(
    "Turn-v0",
    vector_entry_point="tests.helpers.bandit_world:TurnWorld",
    entry_point="tests.helpers.bandit_world:TurnWorld",
)
