"""PPO in one file, in the manner of CleanRL, on our vector environment. Needs nothing but Impasto.

python docs/examples/cleanrl_style.py
"""

from __future__ import annotations

import gymnasium as gym
import numpy as np
import torch
from task import SETTINGS, random_return
from torch import Tensor, nn
from torch.distributions import Categorical

CANVASES, UPDATES, EPOCHS, CLIP, ENTROPY = 64, 60, 4, 0.2, 0.003


class Agent(nn.Module):
    """Policy with a head for each component of an action, and a value."""

    def __init__(self, sizes: list[int]) -> None:
        super().__init__()
        self.sizes = sizes
        self.torso = nn.Sequential(nn.Flatten(), nn.Linear(32 * 32 + 1, 128), nn.ReLU(), nn.Linear(128, 128), nn.ReLU())
        self.heads, self.value = nn.Linear(128, sum(sizes)), nn.Linear(128, 1)

    def forward(self, seen: Tensor, action: Tensor | None = None) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Return actions [N, K], their log-probabilities [N], entropies [N] and values [N]."""
        hidden = self.torso(seen)
        parts = [Categorical(logits=logits) for logits in self.heads(hidden).split(self.sizes, dim=1)]
        if action is None:
            action = torch.stack([part.sample() for part in parts], 1)
        log_probability = sum(part.log_prob(action[:, k]) for k, part in enumerate(parts))
        return action, log_probability, sum(part.entropy() for part in parts), self.value(hidden)[:, 0]


def features(observation: dict[str, np.ndarray]) -> Tensor:
    """Canvas and step as float32 [N, 32 * 32 + 1], 0 white to 1 black."""
    canvas = 1 - observation["canvas"].reshape(CANVASES, -1) / 255
    return torch.from_numpy(np.column_stack([canvas, observation["episode_step"] / 4]).astype(np.float32))


def main(seed: int = 0) -> tuple[float, float]:
    """Train; returns the mean return of random strokes and of the last ten updates."""
    torch.manual_seed(seed)
    canvases = gym.make_vec("impasto/Paint-v0", num_envs=CANVASES, **SETTINGS)
    agent = Agent(canvases.single_action_space.nvec.tolist())  # type: ignore[attr-defined]
    optimizer = torch.optim.Adam(agent.parameters(), lr=2e-3)
    length = SETTINGS["episode_length"] - 1
    returns = []
    for update in range(UPDATES):
        observation, _ = canvases.reset(seed=seed + update)  # all episodes have the same length: one each per update
        rows, rewards = [], np.zeros((length, CANVASES), np.float32)
        for step in range(length):
            seen = features(observation)
            with torch.no_grad():
                action, log_probability, _, value = agent(seen)
            rows.append((seen, action, log_probability, value))
            observation, rewards[step], *_ = canvases.step(action.numpy())
        gains = torch.from_numpy(rewards[::-1].cumsum(0)[::-1].copy()).flatten()  # undiscounted returns from each step
        seen, action, old, value = (torch.cat(column) for column in zip(*rows, strict=True))
        advantage = gains - value
        advantage = (advantage - advantage.mean()) / (advantage.std() + 1e-8)
        for _ in range(EPOCHS):
            _, new, entropy, value = agent(seen, action)
            ratio = (new - old).exp()
            surrogate = torch.min(ratio * advantage, ratio.clamp(1 - CLIP, 1 + CLIP) * advantage).mean()
            loss = -surrogate + 0.5 * (gains - value).square().mean() - ENTROPY * entropy.mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        returns.append(rewards.sum(0).mean())
        if update % 10 == 9:
            print(f"update {update + 1}: mean return {np.mean(returns[-10:]):.3f}")
    return random_return(), float(np.mean(returns[-10:]))


if __name__ == "__main__":
    print("random {:.3f}, trained {:.3f}".format(*main()))
