"""PPO of Stable-Baselines3. Needs `pip install stable-baselines3`.

    python docs/examples/sb3_ppo.py

Its default network for images refuses observations of less than 36 pixels a side: `Small` is one for 32.
"""

from __future__ import annotations

import numpy as np
import torch
from gymnasium import spaces
from stable_baselines3 import PPO
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.evaluation import evaluate_policy
from stable_baselines3.common.preprocessing import get_flattened_obs_dim
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from task import make, random_return
from torch import Tensor, nn


class Small(BaseFeaturesExtractor):
    """Features of the canvas and the step; the target is the same in all episodes and needs no reading."""

    def __init__(self, observation_space: spaces.Dict) -> None:
        super().__init__(observation_space, features_dim=128)
        size = sum(get_flattened_obs_dim(observation_space[name]) for name in ("canvas", "episode_step"))
        self.layers = nn.Sequential(nn.Linear(size, 128), nn.ReLU())

    def forward(self, observations: dict[str, Tensor]) -> Tensor:
        """Return float32 [N, 128]; Stable-Baselines3 gives images as [N, C, H, W] in [0, 1], numbers one-hot."""
        parts = (1 - observations["canvas"].flatten(1), observations["episode_step"].flatten(1))
        features: Tensor = self.layers(torch.cat(parts, 1))
        return features


def main(steps: int = 16_384, seed: int = 0) -> tuple[float, float]:
    """Train; returns the mean return of random strokes and of the trained policy."""
    canvases = make_vec_env(make, n_envs=16, seed=seed)
    model = PPO(
        "MultiInputPolicy",
        canvases,
        n_steps=32,
        batch_size=128,
        n_epochs=4,
        learning_rate=2e-3,
        gamma=1.0,
        gae_lambda=1.0,
        ent_coef=0.003,
        policy_kwargs={"features_extractor_class": Small, "net_arch": [128]},
        seed=seed,
        device="cpu",
    )
    model.learn(steps)
    trained, _ = evaluate_policy(model, canvases, n_eval_episodes=64, deterministic=False)
    return random_return(), float(np.mean(trained))


if __name__ == "__main__":
    print("random {:.3f}, trained {:.3f}".format(*main()))
