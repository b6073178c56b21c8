"""Blocks of transitions from many worlds at once, for an off-policy learner."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import gymnasium as gym
import numpy as np
import torch
from gymnasium.vector import AutoresetMode
from numpy.typing import NDArray

from actors.stopwatch import Stopwatch
from learners.networks.td3 import Actor
from learners.transitions import Columns, TransitionLayout, n_step_returns

Floats = NDArray[np.float32]


class ActionRange:
    """Conversion of a policy's actions in [-1, 1] into a world's own range.

    Args:
        space: a world's action space.

    Raises:
        ValueError: the space is not a box with bounds.
    """

    def __init__(self, space: gym.Space[Any]) -> None:
        if not isinstance(space, gym.spaces.Box) or not space.is_bounded():
            raise ValueError(f"TD3 needs actions that are a bounded Box, this world's are {space}")
        self.low, self.high = space.low.reshape(-1).astype(np.float32), space.high.reshape(-1).astype(np.float32)
        self.shape, self.dtype = space.shape, space.dtype
        self.size = len(self.low)

    def to_world(self, action: Floats) -> NDArray[Any]:
        """Actions as the world takes them, [N, *shape], from float32 [N, A] in [-1, 1]."""
        scaled = self.low + (np.clip(action, -1, 1) + 1) / 2 * (self.high - self.low)
        return scaled.reshape(len(action), *self.shape).astype(self.dtype)


def observation_size(space: gym.Space[Any]) -> int:
    """Size of a flat observation; ValueError for a space that is not a box."""
    if not isinstance(space, gym.spaces.Box):
        raise ValueError(f"TD3 needs observations that are a Box (see Gymnasium's FlattenObservation), got {space}")
    return int(np.prod(space.shape))


def ladder(index: int, count: int, ratio: float) -> float:
    """Factor of the noise of actor `index` (1 to `count`): 1 / ratio to ratio, evenly spaced in the logarithm.

    >>> [round(ladder(index, 3, 2.0), 2) for index in (1, 2, 3)]
    [0.5, 1.0, 2.0]
    """
    place = (index - 1) / (count - 1) if count > 1 else 0.5
    return float(ratio ** (2 * place - 1))


class TransitionRollout:
    """N worlds that a noisy policy steps.

    Args:
        world: a vector environment that resets itself in the step that ends an episode.
        actor: the policy; its weights may be replaced between blocks.
        layout: columns of the transitions.
        discount: gamma.
        n_step: steps whose rewards are summed.
        prior_spread: standard deviation, in units of half the action range, of the world's prior over actions: a normal
            distribution cut at the range. None for a uniform prior.
        seed: of worlds, noise and prior.

    Attributes:
        watch: wall time so far of `render` (worlds) and `inference` (policy).
        finished: returns of the episodes that have ended since the list was last cleared.

    Raises:
        ValueError: the world does not reset itself in the step that ends an episode.
    """

    def __init__(
        self,
        world: gym.vector.VectorEnv[Any, Any, Any],
        actor: Actor,
        layout: TransitionLayout,
        *,
        discount: float,
        n_step: int = 1,
        prior_spread: float | None = None,
        seed: int = 0,
    ) -> None:
        if world.metadata.get("autoreset_mode") != AutoresetMode.SAME_STEP:
            raise ValueError("the world must reset in the step that ends an episode: AutoresetMode.SAME_STEP")
        self.world, self.actor, self.layout = world, actor.eval(), layout
        self.discount, self.n_step, self.prior_spread = discount, n_step, prior_spread
        self.range = ActionRange(world.single_action_space)
        self.rng = np.random.default_rng(seed)
        self.watch = Stopwatch()
        self.finished: list[float] = []
        observation, _ = world.reset(seed=int(self.rng.integers(2**31)))
        self.observation = self.flat(observation)
        self.returns = np.zeros(world.num_envs)

    def block(self, steps: int, noise: float, prior_share: float) -> Columns:
        """Act for T steps in all N worlds.

        Args:
            steps: T.
            noise: standard deviation of the noise on the policy's actions, in units of half the action range.
            prior_share: share of actions that are drawn from the prior instead, in [0, 1].

        Returns:
            The layout's columns, [T * N, *shape], in order of time; rewards are sums over `n_step` steps.
        """
        found: defaultdict[str, list[NDArray[Any]]] = defaultdict(list)
        for _ in range(steps):
            self.watch.start()
            action = self.act(noise, prior_share)
            self.watch.lap("inference")
            following, reward, terminated, truncated, info = self.world.step(self.range.to_world(action))
            ended = terminated | truncated
            found["observation"].append(self.observation)
            found["action"].append(action)
            found["reward"].append(np.asarray(reward, np.float32))
            found["terminated"].append(terminated)
            found["ended"].append(ended)
            self.observation = self.flat(following)
            found["next_observation"].append(self.before_reset(ended, info))
            for name in ("features", "source", "task"):
                if name in info:
                    found[name].append(info[name])
            self.count(reward, ended)
            self.watch.lap("render")
        return self.columns({name: np.stack(values) for name, values in found.items()})

    def act(self, noise: float, prior_share: float) -> Floats:
        """Actions float32 [N, A] in [-1, 1]; see `block` for the arguments."""
        shape = (self.world.num_envs, self.range.size)
        if prior_share < 1:
            with torch.inference_mode():
                action: Floats = self.actor(torch.from_numpy(self.observation)).numpy()
            action = action + noise * self.rng.standard_normal(shape, np.float32)
        if prior_share > 0:
            prior = self.draw_prior(shape)
            drawn = self.rng.random(len(prior)) < prior_share
            action = np.where(drawn[:, None], prior, action) if prior_share < 1 else prior
        return np.clip(action, -1, 1)

    def draw_prior(self, shape: tuple[int, int]) -> Floats:
        """Actions float32 of this shape from the world's prior."""
        if self.prior_spread is None:
            return self.rng.random(shape, np.float32) * 2 - 1
        return self.rng.standard_normal(shape, np.float32) * np.float32(self.prior_spread)

    def before_reset(self, ended: NDArray[np.bool_], info: dict[str, Any]) -> Floats:
        """Observations float32 [N, O] that followed the actions, those of ended episodes from before the reset."""
        if not ended.any():
            return self.observation
        following = self.observation.copy()
        following[ended] = np.stack(list(info["final_obs"][ended])).reshape(int(ended.sum()), -1)
        return following

    def columns(self, found: dict[str, NDArray[Any]]) -> Columns:
        """Columns [T * N, *shape] of the layout, with n-step returns, from arrays [T, N, ...] of single steps."""
        returns, discounts, last = n_step_returns(
            found["reward"], found.pop("terminated"), found.pop("ended"), self.discount, self.n_step
        )
        worlds = np.arange(self.world.num_envs)
        found |= {
            "reward": returns,
            "discount": discounts,
            "next_observation": found["next_observation"][last, worlds],
        }
        return {name: found[name].reshape(-1, *shape) for name, _, shape in self.layout.columns}

    def count(self, reward: Floats, ended: NDArray[np.bool_]) -> None:
        """Add rewards [N] to the returns of the present episodes, and file those of the ended ones."""
        self.returns += reward
        if ended.any():
            self.finished += self.returns[ended].tolist()
            self.returns[ended] = 0.0

    @staticmethod
    def flat(observation: Any) -> Floats:
        """Copy of observations as float32 [N, O]; worlds may use their own array again."""
        return np.array(observation, np.float32).reshape(len(observation), -1)
