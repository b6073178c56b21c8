"""Blocks of transitions: what follows an action is what the world said, also where an episode ends."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import torch
from gymnasium.vector import AutoresetMode, SyncVectorEnv

from actors.transition_rollout import ActionRange, TransitionRollout, ladder, observation_size
from learners.networks.td3 import Actor
from learners.transitions import TransitionLayout


class Counter(gym.Env[Any, Any]):
    """Observation (episode, step); terminates after 3 steps in odd episodes, is truncated after 2 in even ones."""

    def __init__(self) -> None:
        self.observation_space = gym.spaces.Box(0, 100, (2,), np.float64)
        self.action_space = gym.spaces.Box(np.array([0.0, -4.0]), np.array([10.0, 4.0]), dtype=np.float64)
        self.episode = 0

    def observation(self) -> Any:
        return np.array([self.episode, self.step_], np.float64)

    def reset(self, *, seed: Any = None, options: Any = None) -> Any:
        self.episode, self.step_ = self.episode + 1, 0
        return self.observation(), {}

    def step(self, action: Any) -> Any:
        assert self.action_space.contains(action)
        self.step_ += 1
        odd = self.episode % 2 == 1
        return self.observation(), float(self.step_), odd and self.step_ == 3, not odd and self.step_ == 2, {}


def rollout(n_step: int = 1, **options: Any) -> TransitionRollout:
    world = SyncVectorEnv([Counter, Counter], autoreset_mode=AutoresetMode.SAME_STEP)
    return TransitionRollout(
        world, Actor(2, 2, (8,)), TransitionLayout.plain(2, 2), discount=0.5, n_step=n_step, **options
    )


def test_what_follows_is_seen_before_the_reset() -> None:
    columns = rollout().block(5, 0.1, 0.5)
    one = {name: values[::2] for name, values in columns.items()}  # the first world; both do the same
    assert one["observation"].tolist() == [[1, 0], [1, 1], [1, 2], [2, 0], [2, 1]]
    assert one["next_observation"].tolist() == [[1, 1], [1, 2], [1, 3], [2, 1], [2, 2]]
    assert one["reward"].tolist() == [1, 2, 3, 1, 2]
    assert one["discount"].tolist() == [0.5, 0.5, 0, 0.5, 0.5], "only a termination ends the future"
    assert all(values.dtype == np.float32 for values in columns.values())


def test_rewards_of_two_steps() -> None:
    columns = rollout(n_step=2).block(5, 0.1, 0.5)
    one = {name: values[::2] for name, values in columns.items()}
    assert one["reward"].tolist() == [1 + 1, 2 + 1.5, 3, 1 + 1, 2]
    assert one["discount"].tolist() == [0.25, 0, 0, 0.25, 0.5]
    assert one["next_observation"].tolist() == [[1, 2], [1, 3], [1, 3], [2, 2], [2, 2]]


def test_returns_of_whole_episodes_also_over_blocks() -> None:
    acting = rollout()
    acting.block(2, 0.1, 0.5)
    assert acting.finished == []
    acting.block(3, 0.1, 0.5)
    assert acting.finished == [6, 6, 3, 3]


def test_actions_are_scaled_to_the_worlds_range() -> None:
    scale = ActionRange(Counter().action_space)
    actions = scale.to_world(np.array([[-1, -1], [0, 0], [1, 1], [5, -5]], np.float32))
    assert actions.tolist() == [[0, -4], [5, 0], [10, 4], [10, -4]]
    with pytest.raises(ValueError, match="bounded Box"):
        ActionRange(gym.spaces.Discrete(3))
    with pytest.raises(ValueError, match="bounded Box"):
        ActionRange(gym.spaces.Box(-np.inf, np.inf, (2,)))
    with pytest.raises(ValueError, match="observations that are a Box"):
        observation_size(gym.spaces.Dict())


def test_noise_and_prior_have_the_spread_asked_for() -> None:
    acting = rollout(prior_spread=0.4)
    acting.observation = np.zeros((20_000, 2), np.float32)
    acting.world.num_envs = 20_000
    with torch.no_grad():
        quiet = acting.actor(torch.zeros(1, 2)).numpy()
    assert acting.act(0.0, 0.0).std(0).max() < 1e-5
    assert np.allclose((acting.act(0.1, 0.0) - quiet).std(0), 0.1, rtol=0.03)
    assert np.allclose(acting.act(0.0, 1.0).std(0), 0.4, rtol=0.03)
    mixed = np.abs(acting.act(0.0, 0.1) - quiet).max(1) > 1e-6
    assert mixed.mean() == pytest.approx(0.1, abs=0.01)
    acting.prior_spread = None
    uniform = acting.act(0.0, 1.0)
    assert np.allclose([uniform.min(), uniform.max(), uniform.std()], [-1, 1, 3**-0.5], atol=0.01)


def test_the_ladder_spans_its_ratio_around_one() -> None:
    assert ladder(1, 1, 3.0) == 1.0
    assert [ladder(index, 3, 2.0) for index in (1, 2, 3)] == pytest.approx([0.5, 1.0, 2.0])


def test_a_world_that_resets_later_is_refused() -> None:
    world = SyncVectorEnv([Counter], autoreset_mode=AutoresetMode.NEXT_STEP)
    with pytest.raises(ValueError, match="SAME_STEP"):
        TransitionRollout(world, Actor(2, 2, (8,)), TransitionLayout.plain(2, 2), discount=0.9)
