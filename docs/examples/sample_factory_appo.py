"""APPO of Sample Factory.

    pip install --no-deps sample-factory==2.1.1 signal-slot-mp faster-fifo colorlog
    python docs/examples/sample_factory_appo.py

Its release asks for Gymnasium below 1 and NumPy below 2; with `--no-deps` it runs with those that Impasto needs, if it
samples in batches.
"""

from __future__ import annotations

import tempfile
from typing import Any

import gymnasium as gym
import numpy as np
from sample_factory.cfg.arguments import parse_full_cfg, parse_sf_args
from sample_factory.envs.env_utils import register_env
from sample_factory.train import make_runner
from task import make, random_return

from envs.wrappers import TupleActions


def flat(*_: Any, **__: Any) -> gym.Env[Any, Any]:
    """Make one canvas with tuples as actions, which sees the canvas and the step as float32 [32 * 32 + 1]."""

    def flatten(seen: dict[str, Any]) -> np.ndarray:
        return np.append(1 - seen["canvas"].ravel() / 255, seen["episode_step"] / 4).astype(np.float32)

    return gym.wrappers.TransformObservation(TupleActions(make()), flatten, gym.spaces.Box(0, 1, (32 * 32 + 1,)))


def main(steps: int = 20_000, seed: int = 0) -> tuple[float, float]:
    """Train; returns the mean return of random strokes and of the last episodes."""
    register_env("half-black", flat)
    with tempfile.TemporaryDirectory() as folder:
        options = {
            "env": "half-black", "train_dir": folder, "device": "cpu", "seed": seed, "train_for_env_steps": steps,
            "serial_mode": True, "async_rl": False, "batched_sampling": True, "num_workers": 1,
            "num_envs_per_worker": 64, "worker_num_splits": 1, "use_rnn": False, "nonlinearity": "relu", "rollout": 4,
            "batch_size": 256, "num_batches_per_epoch": 1, "num_epochs": 4, "learning_rate": 2e-3, "gamma": 1.0,
            "gae_lambda": 1.0, "exploration_loss_coeff": 0.003, "normalize_input": False, "normalize_returns": False,
            "with_wandb": False, "decorrelate_envs_on_one_worker": False, "stats_avg": 512, "save_every_sec": 10_000,
        }  # fmt: skip
        words = [f"--{name}={value}" for name, value in options.items()]
        words += ["--encoder_mlp_layers", "128", "128"]
        parser, _ = parse_sf_args(words)
        _, runner = make_runner(parse_full_cfg(parser, words))
        runner.init()
        runner.run()
        returns = runner.policy_avg_stats["reward"][0]
        return random_return(), float(np.mean(returns))


if __name__ == "__main__":
    print("random {:.3f}, trained {:.3f}".format(*main()))
