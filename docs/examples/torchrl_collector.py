"""PPO of TorchRL with its collector, on our vector environment. Needs `pip install torchrl`.

    python docs/examples/torchrl_collector.py

TorchRL resets environments itself, some of them at a time, and so wants Gymnasium's autoreset mode DISABLED.
"""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import torch
from gymnasium.vector import AutoresetMode
from task import SETTINGS, random_return
from tensordict.nn import TensorDictModule
from torch import Tensor, nn
from torch.distributions import Categorical, Distribution
from torchrl.collectors import Collector
from torchrl.envs import ExplorationType, GymWrapper
from torchrl.modules import ProbabilisticActor, ValueOperator
from torchrl.objectives import ClipPPOLoss
from torchrl.objectives.value import GAE

CANVASES, UPDATES, EPOCHS = 64, 60, 4
SIZES = (SETTINGS["grid"] ** 2, SETTINGS["grid"] ** 2, 2)  # control, end, flag


class Components(Distribution):
    """Independent decisions of an action: integers [..., K] from their logits, side by side."""

    arg_constraints: dict[str, Any] = {}  # noqa: RUF012

    def __init__(self, logits: Tensor) -> None:
        self.parts = [Categorical(logits=part) for part in logits.split(SIZES, dim=-1)]
        super().__init__(logits.shape[:-1], torch.Size([len(SIZES)]), validate_args=False)

    def sample(self, sample_shape: Any = ()) -> Tensor:
        """Draw actions."""
        return torch.stack([part.sample(torch.Size(sample_shape)) for part in self.parts], -1)

    def log_prob(self, value: Tensor) -> Tensor:
        """Return the sum over components."""
        return torch.stack([part.log_prob(value[..., k]) for k, part in enumerate(self.parts)], -1).sum(-1)

    def entropy(self) -> Tensor:
        """Return the sum over components."""
        return torch.stack([part.entropy() for part in self.parts], -1).sum(-1)


class Network(nn.Module):
    """Two layers over the canvas and the step."""

    def __init__(self, outputs: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(32 * 32 + 1, 128), nn.ReLU(), nn.Linear(128, 128), nn.ReLU())
        self.head = nn.Linear(128, outputs)

    def forward(self, canvas: Tensor, episode_step: Tensor) -> Tensor:
        """Map uint8 [..., 32, 32, 1] and int64 [...] to [..., outputs]."""
        seen = torch.cat([1 - canvas.flatten(-3) / 255, episode_step[..., None] / 4], -1)
        found: Tensor = self.head(self.layers(seen))
        return found


def main(seed: int = 0) -> tuple[float, float]:
    """Train; returns the mean return of random strokes and of the last ten updates."""
    torch.manual_seed(seed)
    canvases = gym.make_vec("impasto/Paint-v0", num_envs=CANVASES, autoreset_mode=AutoresetMode.DISABLED, **SETTINGS)
    world = GymWrapper(canvases, categorical_action_encoding=True)
    seen = ["canvas", "episode_step"]
    policy = ProbabilisticActor(
        TensorDictModule(Network(sum(SIZES)), seen, ["logits"]),
        in_keys=["logits"],
        distribution_class=Components,
        return_log_prob=True,
        default_interaction_type=ExplorationType.RANDOM,
    )
    value = ValueOperator(Network(1), seen)
    length = SETTINGS["episode_length"] - 1
    collector = Collector(
        world,
        policy,
        frames_per_batch=CANVASES * length,
        total_frames=CANVASES * length * UPDATES,
        auto_register_policy_transforms=True,
    )
    advantage = GAE(gamma=1.0, lmbda=1.0, value_network=value, average_gae=True)
    loss = ClipPPOLoss(policy, value, entropy_coeff=0.003, critic_coeff=0.5, loss_critic_type="l2")
    optimizer = torch.optim.Adam(loss.parameters(), lr=2e-3)
    returns = []
    for batch in collector:
        for _ in range(EPOCHS):
            advantage(batch)
            losses = loss(batch.reshape(-1))
            optimizer.zero_grad()
            (losses["loss_objective"] + losses["loss_critic"] + losses["loss_entropy"]).backward()
            optimizer.step()
        returns.append(batch["next", "reward"].sum(1).mean().item())
        if len(returns) % 10 == 0:
            print(f"update {len(returns)}: mean return {sum(returns[-10:]) / 10:.3f}")
    collector.shutdown()
    return random_return(), sum(returns[-10:]) / 10


if __name__ == "__main__":
    print("random {:.3f}, trained {:.3f}".format(*main()))
