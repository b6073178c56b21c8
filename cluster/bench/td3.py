"""TD3 on Pendulum-v1 beside RLlib's SAC: as many updates as steps for both, and the same hundred episodes.

SAC may take as many steps, and `PATIENCE` times as long; its figure says how many steps these were.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from typing import Any

import gymnasium as gym
import numpy as np
import ray
import torch
from gymnasium.vector import AutoresetMode
from numpy.typing import NDArray

from cluster.bench.measure import figure, rounded
from cluster.bench.options import BenchOptions, Figure
from cluster.latent.td3 import TD3, TD3Config
from cluster.training.ray_session import start_ray
from learners.networks.td3 import Actor
from learners.networks.weights import FlatWeights

WORLD, EPISODES = "Pendulum-v1", 100

#: Environment steps that each may take.
STEPS = 10_000
#: SAC's share of time, in TD3's. RLlib draws its batches from an episode buffer in Python: an update takes 0.2 s here.
PATIENCE = 3.0

Policy = Callable[[NDArray[np.float32]], NDArray[np.float32]]


def pendulum_config(steps: int = STEPS) -> TD3Config:
    """Configure TD3 for Pendulum: one update of 256 transitions for each step, as SAC has."""
    return (
        TD3Config()
        .environment(WORLD)
        .training(
            steps=steps,
            minutes=0.0,
            actors=1,
            worlds=8,
            block=64,
            samples_per_insert=256.0,
            insert_slack=256,
            warmup_steps=min(1_000, steps // 4),
            replay_capacity=100_000,
        )
    )


def mean_return(name: str, policy: Policy, episodes: int) -> float:
    """Compute the mean return of `episodes` in a world by name, in lock-step; `policy` answers in [-1, 1]."""
    options = {"autoreset_mode": AutoresetMode.SAME_STEP}
    worlds = gym.make_vec(name, episodes, vectorization_mode="sync", vector_kwargs=options)
    space = worlds.single_action_space
    assert isinstance(space, gym.spaces.Box)
    observation, _ = worlds.reset(seed=1)
    total, over = np.zeros(episodes), np.zeros(episodes, bool)
    while not over.all():
        action = space.low + (np.clip(policy(observation), -1, 1) + 1) / 2 * (space.high - space.low)
        observation, reward, terminated, truncated, _ = worlds.step(action)
        total += np.where(over, 0.0, reward)
        over |= terminated | truncated
    worlds.close()
    return float(total.mean())


def bench(options: BenchOptions) -> Iterator[Figure]:
    """Train both in turn, TD3 first, and yield their mean returns without noise."""
    steps = 600 if options.quick else STEPS
    mine = not ray.is_initialized()
    start_ray(cpus=4)
    try:
        td3 = measured("TD3", lambda: train_td3(steps))
        yield td3
        limit = math.inf if options.quick else PATIENCE * td3["detail"]["seconds"]
        yield measured("RLlib's SAC", lambda: train_sac(steps, limit))
    finally:
        if mine:
            ray.shutdown()


def measured(name: str, train: Callable[[], tuple[Policy, dict[str, Any]]]) -> Figure:
    """Train, and measure the mean return of the policy that came of it."""
    start = time.perf_counter()
    policy, detail = train()
    seconds = time.perf_counter() - start
    with torch.no_grad():
        value = mean_return(WORLD, policy, EPISODES)
    return figure(
        f"{name} on {WORLD}, mean return", value, "return", episodes=EPISODES, seconds=rounded(seconds), **detail
    )


def train_td3(steps: int) -> tuple[Policy, dict[str, Any]]:
    """Train our TD3; returns its policy without noise, and the steps and updates it took."""
    algorithm = pendulum_config(steps).build_algo()
    assert isinstance(algorithm, TD3)
    try:
        while algorithm.progress < 1:
            algorithm.train()  # type: ignore[no-untyped-call]
        algorithm.settle()
        weights: FlatWeights = ray.get(algorithm.weights)
        actor = Actor(3, 1, algorithm.td3_config.settings.td3.hidden)
        weights.load_into(actor)
        detail = {"env_steps": algorithm.sampled_steps, "updates": algorithm.policy_updates}
    finally:
        algorithm.stop()  # type: ignore[no-untyped-call]

    def policy(observation: NDArray[np.float32]) -> NDArray[np.float32]:
        found: NDArray[np.float32] = actor(torch.from_numpy(observation)).numpy()
        return found

    return policy, detail


def train_sac(steps: int, seconds: float) -> tuple[Policy, dict[str, Any]]:
    """Train RLlib's SAC in the driver with the settings of its tuned example for this world; returns the same."""
    from ray.rllib.algorithms.sac import SACConfig
    from ray.rllib.core.columns import Columns
    from ray.rllib.utils.metrics import NUM_ENV_STEPS_SAMPLED_LIFETIME

    config = (
        SACConfig()  # type: ignore[no-untyped-call]
        .environment(WORLD)
        .env_runners(num_env_runners=0, num_envs_per_env_runner=8, rollout_fragment_length=5)
        .training(
            initial_alpha=1.001,
            actor_lr=2e-4,
            critic_lr=8e-4,
            alpha_lr=9e-4,
            lr=None,
            target_entropy="auto",
            n_step=(2, 5),
            tau=0.005,
            train_batch_size_per_learner=256,
            target_network_update_freq=1,
            training_intensity=256,
            replay_buffer_config={
                "type": "PrioritizedEpisodeReplayBuffer",
                "capacity": 100_000,
                "alpha": 1.0,
                "beta": 0.0,
            },
            num_steps_sampled_before_learning_starts=min(1_000, steps // 4),
        )
        .debugging(log_level="ERROR", seed=0)
        .reporting(min_time_s_per_iteration=1, metrics_num_episodes_for_smoothing=5)
    )
    algorithm = config.build_algo()
    try:
        taken = 0
        start = time.perf_counter()
        while taken < steps and time.perf_counter() - start < seconds:
            result = algorithm.train()  # type: ignore[no-untyped-call]
            taken = int(result["env_runners"].get(NUM_ENV_STEPS_SAMPLED_LIFETIME, 0))
        module = algorithm.get_module()
        assert module is not None
    finally:
        algorithm.stop()  # type: ignore[no-untyped-call]

    def policy(observation: NDArray[np.float32]) -> NDArray[np.float32]:
        logits = module.forward_inference({Columns.OBS: torch.from_numpy(observation)})[Columns.ACTION_DIST_INPUTS]
        mean: NDArray[np.float32] = torch.tanh(logits[:, :1]).detach().numpy()
        return mean

    return policy, {"env_steps": taken, "updates": taken}
