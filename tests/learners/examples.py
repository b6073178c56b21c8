"""Small worlds, policies and batches that several tests use."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn

from actors.rollout import Rollout
from envs.paint import PaintConfig, PaintVectorEnv
from envs.spec import ActionSpec
from learners.networks.build import build_policy
from learners.networks.policy import PaintPolicy, PolicyInputs
from learners.settings import NetworkName, PolicySettings
from learners.trajectory import Trajectory

NETWORKS: tuple[NetworkName, ...] = ("paper", "laptop")

SMALL = PaintConfig(
    canvas_size=16, observation_size=16, grid=4, episode_length=5, brush="classic/pen", brush_sizes=(1.0, 2.0),
    pressure_levels=2, color_levels=2,
)  # fmt: skip
"""All eight components, few values each."""

#: Free strokes in color, for the network `picture`, and of a pen, for `line`.
PICTURES = PaintConfig(
    canvas_size=16, observation_size=16, grid=16, episode_length=5, brush_sizes=(1.0, 2.0, 5.0), pressure_levels=1,
    fixed_pressure=0.8, color_levels=16, strokes="free",
)  # fmt: skip
LINES = PaintConfig(
    canvas_size=16, observation_size=16, grid=16, episode_length=5, brush="classic/pen", brush_sizes=(1.0, 2.0),
    pressure_levels=2, color=False, strokes="free",
)  # fmt: skip


def make_policy(
    network: NetworkName, config: PaintConfig = SMALL, *, spec: ActionSpec | None = None, seed: int = 3
) -> PaintPolicy:
    """A float32 policy with random biases, so that its distributions are far from uniform and depend on everything."""
    torch.manual_seed(seed)
    settings = PolicySettings(network=network, noise_size=3)
    policy = build_policy(settings, spec or config.action_spec, config.canvas_shape, config.num_actions)
    with torch.no_grad():
        for weight in policy.parameters():
            if weight.ndim == 1:
                weight.add_(0.4 * torch.randn_like(weight))
            else:
                weight.mul_(2.0 if network == "paper" else 1.3)
    return policy


def random_batch(
    policy: PaintPolicy, config: PaintConfig, time: int, batch: int, seed: int = 0
) -> tuple[PolicyInputs, Tensor]:
    """Random inputs and actions [T, B] (they need not belong to one another)."""
    generator = torch.Generator().manual_seed(seed)
    sizes = torch.from_numpy(policy.spec.sizes)

    def actions() -> Tensor:
        return (torch.rand(time, batch, len(sizes), generator=generator) * sizes).long()

    inputs = PolicyInputs(
        canvas=torch.randint(0, 256, (time, batch, *config.canvas_shape), generator=generator).to(torch.uint8),
        previous_action=actions(),
        step=torch.arange(time)[:, None].expand(time, batch),
        noise=torch.randn(batch, policy.noise_size, generator=generator).expand(time, batch, -1),
    )
    return inputs, actions()


def paint_batch(policy: PaintPolicy, config: PaintConfig = SMALL, batch: int = 6, seed: int = 0) -> Trajectory:
    """A batch of real episodes that `policy` paints, in float32."""
    return Rollout(PaintVectorEnv(batch, config), policy, seed=seed, precision="float32").episodes()


class FixedScore(nn.Module):
    """A stand-in for a discriminator: `score(image)` of float32 [B, C, H, W] in [-1, 1]."""

    def __init__(self, score: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.score = score

    def forward(self, image: Tensor) -> Tensor:
        return self.score(image)


def weights_of(module: nn.Module) -> dict[str, Tensor]:
    """A copy of parameters and buffers."""
    return {name: value.clone() for name, value in module.state_dict().items()}


def same_weights(module: nn.Module, weights: dict[str, Tensor]) -> bool:
    """Whether parameters and buffers are bit for bit those of `weights`."""
    state = module.state_dict()
    return state.keys() == weights.keys() and all(
        np.array_equal(state[name].numpy(), weights[name].numpy(), equal_nan=True) for name in weights
    )
