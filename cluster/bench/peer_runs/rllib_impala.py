"""RLlib's IMPALA: `python -m cluster.bench.peer_runs.rllib_impala`.

Its new stack at its best: the environment is ours in batches (`vector_entry_point`), an actor and the learner have a
process each, as ours have.
"""

from __future__ import annotations

from typing import Any

import torch
from ray.rllib.algorithms.impala import IMPALAConfig
from ray.rllib.core.columns import Columns
from ray.rllib.core.rl_module.apis import ValueFunctionAPI
from ray.rllib.core.rl_module.rl_module import RLModuleSpec
from ray.rllib.core.rl_module.torch.torch_rl_module import TorchRLModule
from torch import Tensor

from cluster.bench.peer_runs.world import NAME, SituatedPaint, look, make_policy, settings, taken_apart, tell
from cluster.training.ray_session import start_ray
from learners.networks.sampling import joint_entropy
from learners.precision import autocast

#: With the module that registers it, which the actors' processes import too.
ENVIRONMENT = f"{SituatedPaint.__module__}:{NAME}"


class Autoregressive:
    """Distribution of actions that our policy decodes one component after the other."""

    def __init__(self, policy: Any, state: Tensor) -> None:
        self.policy = policy
        self.hidden, self.step = taken_apart(state)

    def logp(self, actions: Tensor) -> Tensor:
        """Log-probability [N] of actions [N, K]."""
        self.told, self.entropies = tell(self.policy, self.hidden, self.step, actions)
        return torch.stack(self.told).sum(0)

    def entropy(self) -> Tensor:
        """Entropy [N] at the actions told last."""
        return joint_entropy(self.entropies, self.told)


class Module(TorchRLModule, ValueFunctionAPI):
    """Our policy as an RLModule without memory."""

    def setup(self) -> None:
        """Build the network; RLlib's hook."""
        self.network = make_policy()

    def features(self, batch: dict[str, Any]) -> Tensor:
        """Features, and the step behind them: float32 [N, 257]."""
        seen = batch[Columns.OBS]
        return look(self.network, seen["canvas"], seen["situation"])

    def _forward(self, batch: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
        state = self.features(batch)
        hidden, step = taken_apart(state)
        with autocast("auto", state.device):
            action, log_prob = self.network.decode(hidden, None, step)
        return {Columns.ACTIONS: action, Columns.ACTION_LOGP: log_prob}

    def _forward_train(self, batch: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
        state = self.features(batch)
        return {Columns.ACTION_DIST_INPUTS: state, Columns.EMBEDDINGS: state}

    def compute_values(self, batch: dict[str, Any], embeddings: Any = None) -> Tensor:
        """Values float32 [N]."""
        state = self.features(batch) if embeddings is None else embeddings
        return self.network.state_value(state[:, :-1]).float()

    def get_train_action_dist_cls(self) -> Any:
        """Give the distribution of this network."""
        network = self.network

        class Bound:
            @staticmethod
            def from_logits(logits: Tensor, **_: Any) -> Autoregressive:
                return Autoregressive(network, logits)

        return Bound


def main() -> None:
    """Train until the process is ended."""
    given = settings()
    length, canvases = given.paint.num_actions, given.system.canvases
    rate, clip = given.policy.policy_learning_rate, given.policy.gradient_clip
    start_ray(cpus=4)
    config = (
        IMPALAConfig()
        .environment(ENVIRONMENT)
        .env_runners(
            num_env_runners=1,
            num_envs_per_env_runner=canvases,
            gym_env_vectorize_mode="vector_entry_point",
            rollout_fragment_length=length,
        )
        .learners(num_learners=1)
        .rl_module(rl_module_spec=RLModuleSpec(module_class=Module))
        .training(train_batch_size_per_learner=canvases * length, lr=rate, gamma=1.0, grad_clip=clip)
        .reporting(min_time_s_per_iteration=2)
        .debugging(log_level="ERROR")
    )
    algorithm = config.build_algo()
    while True:
        result = algorithm.train()
        print(
            int(result.get("learners", {}).get("__all_modules__", {}).get("num_env_steps_trained_lifetime", 0)),
            flush=True,
        )


if __name__ == "__main__":
    main()
