"""RLlib's PPO, by itself and with two learning rates under Tune. Needs nothing but Impasto.

    python docs/examples/rllib_ppo.py

RLlib's networks take flat observations: a wrapper of Gymnasium's flattens ours.
"""

from __future__ import annotations

import tempfile
from typing import Any

import gymnasium as gym
import numpy as np
import ray
from ray import tune
from ray.rllib.algorithms.ppo import PPO, PPOConfig
from ray.rllib.core.rl_module.default_model_config import DefaultModelConfig
from task import make, random_return

RETURN = "env_runners/episode_return_mean"


def flat(_: Any = None) -> gym.Env[Any, Any]:
    """Make one canvas whose observations are the canvas and the step, float32 [32 * 32 + 1]."""

    def flatten(seen: dict[str, Any]) -> np.ndarray:
        return np.append(1 - seen["canvas"].ravel() / 255, seen["episode_step"] / 4).astype(np.float32)

    return gym.wrappers.TransformObservation(make(), flatten, gym.spaces.Box(0, 1, (32 * 32 + 1,)))


def config(seed: int = 0) -> PPOConfig:
    """Make a configuration of one process that samples and learns."""
    tune.register_env("half-black", flat)
    return (
        PPOConfig()
        .environment("half-black")
        .env_runners(num_env_runners=0, num_envs_per_env_runner=16)
        .learners(num_learners=0)
        .rl_module(model_config=DefaultModelConfig(fcnet_hiddens=[128, 128], fcnet_activation="relu"))
        .training(
            lr=2e-3,
            gamma=1.0,
            lambda_=1.0,
            train_batch_size_per_learner=512,
            minibatch_size=256,
            num_epochs=4,
            entropy_coeff=0.003,
            vf_loss_coeff=0.5,
            use_kl_loss=False,
        )
        .debugging(seed=seed, log_level="ERROR")
    )


def main(iterations: int = 40) -> tuple[float, float]:
    """Train; returns the mean return of random strokes and of the last iteration."""
    algorithm = config().build_algo()
    for iteration in range(1, iterations + 1):
        trained = algorithm.train()["env_runners"]["episode_return_mean"]
        if iteration % 10 == 0:
            print(f"iteration {iteration}: mean return {trained:.3f}")
    algorithm.stop()
    return random_return(), trained


def tuned(folder: str, iterations: int = 15) -> dict[float, float]:
    """Let Tune train with two learning rates, one after the other; returns the mean return of each.

    Args:
        folder: Of Tune's own results.
        iterations: Of each training.
    """
    tuner = tune.Tuner(
        PPO,
        param_space=config().training(lr=tune.grid_search([1e-5, 2e-3])),
        tune_config=tune.TuneConfig(metric=RETURN, mode="max", max_concurrent_trials=1),
        run_config=tune.RunConfig(storage_path=folder, stop={"training_iteration": iterations}, verbose=0),
    )
    return {each.config["lr"]: each.metrics["env_runners"]["episode_return_mean"] for each in tuner.fit()}


if __name__ == "__main__":
    ray.init(num_cpus=2, include_dashboard=False)
    print("random {:.3f}, trained {:.3f}".format(*main()))
    with tempfile.TemporaryDirectory() as results:
        for rate, found in tuned(results).items():
            print(f"learning rate {rate:g}: mean return {found:.3f}")
