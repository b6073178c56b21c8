"""TorchRL: `python -m cluster.bench.peer_runs.torchrl`.

Its asynchronous collector with two processes, PPO's clipped loss on GAE, one epoch: what Sample Factory does too.
"""

from __future__ import annotations

from typing import Any

import torch
from gymnasium.vector import AutoresetMode
from tensordict.nn import TensorDictModule
from torch import Tensor, nn
from torch.distributions import Distribution
from torchrl.collectors import MultiAsyncCollector
from torchrl.envs import ExplorationType, GymWrapper
from torchrl.modules import ProbabilisticActor, ValueOperator
from torchrl.objectives import ClipPPOLoss
from torchrl.objectives.value import GAE

from cluster.bench.peer_runs.world import SituatedPaint, look, make_policy, settings, taken_apart, tell
from learners.networks.sampling import joint_entropy
from learners.precision import autocast

SEEN = ["canvas", "situation"]


class Looking(nn.Module):
    """The torso: features, and the step behind them."""

    def __init__(self, policy: Any) -> None:
        super().__init__()
        self.policy = policy

    def forward(self, canvas: Tensor, situation: Tensor) -> Tensor:
        """State float32 [*, 257] of uint8 [*, H, W, C] and float32 [*, K + 1 + Z]."""
        state = look(self.policy, canvas.flatten(0, -4), situation.flatten(0, -2))
        return state.view(*situation.shape[:-1], -1)


class Valuing(nn.Module):
    """The value, with a look of its own: the library wants actor and critic apart."""

    def __init__(self, policy: Any) -> None:
        super().__init__()
        self.look = Looking(policy)

    def forward(self, canvas: Tensor, situation: Tensor) -> Tensor:
        """Value float32 [*, 1]."""
        with autocast("auto", canvas.device):
            value: Tensor = self.look.policy.value(self.look(canvas, situation)[..., :-1])
        return value.float()


class Autoregressive(Distribution):
    """Distribution of actions that our policy decodes one component after the other."""

    arg_constraints: dict[str, Any] = {}  # noqa: RUF012

    def __init__(self, state: Tensor, policy: Any) -> None:
        super().__init__(state.shape[:-1], torch.Size([len(policy.spec.components)]), validate_args=False)
        self.policy = policy
        self.hidden, self.step = taken_apart(state)

    def sample(self, sample_shape: Any = ()) -> Tensor:
        """Draw actions int64 [*, K]."""
        with autocast("auto", self.hidden.device):
            action, _ = self.policy.decode(self.hidden, None, self.step)
        return action.view(*self.batch_shape, -1)

    def log_prob(self, value: Tensor) -> Tensor:
        """Log-probability [*] of actions [*, K]."""
        self.told, self.entropies = tell(self.policy, self.hidden, self.step, value.flatten(0, -2))
        return torch.stack(self.told).sum(0).view(self.batch_shape)

    def entropy(self) -> Tensor:
        """Entropy [*] at the actions told last."""
        return joint_entropy(self.entropies, self.told).view(self.batch_shape)


def make_world() -> GymWrapper:
    """Make a batch of canvases."""
    canvases = SituatedPaint(settings().system.canvases, autoreset_mode=AutoresetMode.DISABLED)
    return GymWrapper(canvases, categorical_action_encoding=True)


def main() -> None:
    """Train until the process is ended."""
    given = settings()
    policy = make_policy()
    actor = ProbabilisticActor(
        TensorDictModule(Looking(policy), SEEN, ["state"]),
        in_keys=["state"],
        distribution_class=Autoregressive,
        distribution_kwargs={"policy": policy},
        return_log_prob=True,
        default_interaction_type=ExplorationType.RANDOM,
    )
    value = ValueOperator(Valuing(policy), SEEN)
    batch = given.system.canvases * given.paint.num_actions
    collector = MultiAsyncCollector([make_world] * 2, actor, frames_per_batch=batch, total_frames=-1)
    advantage = GAE(gamma=1.0, lmbda=0.95, value_network=value, average_gae=True)
    loss = ClipPPOLoss(actor, value, entropy_coeff=given.policy.entropy_cost, functional=False)
    optimizer = torch.optim.Adam(policy.parameters(), lr=given.policy.policy_learning_rate)
    steps = 0
    for batch_of_steps in collector:
        advantage(batch_of_steps)
        losses = loss(batch_of_steps.reshape(-1))
        optimizer.zero_grad()
        (losses["loss_objective"] + losses["loss_critic"] + losses["loss_entropy"]).backward()
        nn.utils.clip_grad_norm_(policy.parameters(), given.policy.gradient_clip)
        optimizer.step()
        collector.update_policy_weights_()
        steps += batch_of_steps.numel()
        print(steps, flush=True)


if __name__ == "__main__":
    main()
