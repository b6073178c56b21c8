"""Worlds that TD3 acts in, made by their Gymnasium name, and the layout of their transitions."""

from __future__ import annotations

import importlib
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.vector import AutoresetMode

from actors.transition_rollout import ActionRange, observation_size
from learners.transitions import TransitionLayout

World = gym.vector.VectorEnv[Any, Any, Any]


def make_gymnasium_worlds(env: str, count: int) -> World:
    """Make `count` worlds that reset themselves in the step that ends an episode.

    Args:
        env: Name that Gymnasium knows, or `MODULE:NAME`: importing the module registers the world.
        count: Number of worlds.
    """
    module, _, name = env.rpartition(":")
    if module:
        importlib.import_module(module)
    if gym.spec(name).vector_entry_point is not None:
        worlds: World = gym.make_vec(name, count, vectorization_mode="vector_entry_point").unwrapped
        return worlds
    options = {"autoreset_mode": AutoresetMode.SAME_STEP}
    return gym.make_vec(name, count, vectorization_mode="sync", vector_kwargs=options)


def find_layout(world: World, n_step: int) -> TransitionLayout:
    """Take one step in a world, to see what a transition consists of, and close it.

    Raises:
        ValueError: TD3 can not act there, or `n_step` is more than 1 in a world with tasks.
    """
    try:
        actions = ActionRange(world.single_action_space)
        size = observation_size(world.single_observation_space)
        world.reset(seed=0)
        _, _, terminated, _, info = world.step(actions.to_world(np.zeros((1, actions.size), np.float32)))
    finally:
        world.close()
    layout = TransitionLayout.plain(size, actions.size)
    if "task" not in info:
        return layout
    if n_step > 1:
        raise ValueError("n_step: expected 1 in a world with tasks, whose rewards are computed again when sampled")
    columns = [c for c in layout.columns if not (c[0] == "next_observation" and bool(terminated[0]))]
    for name, dtype in (("features", "<f4"), ("source", "<f4"), ("task", "<i8")):
        columns.append((name, dtype, info[name].shape[1:]))
    return TransitionLayout(tuple(columns))
