"""Sample Factory's APPO: `python -m cluster.bench.peer_runs.sample_factory`.

Batched sampling, two workers that each paint two batches of canvases in turn, updates of 640 steps, one epoch. Returns
are GAE's: with V-trace release 2.1.1 fails when it writes its summaries.
"""

from __future__ import annotations

import tempfile
import threading
import time
from typing import Any

import gymnasium as gym
import numpy as np
import torch
from gymnasium.vector import AutoresetMode
from sample_factory.algo.utils.action_distributions import get_action_distribution
from sample_factory.algo.utils.context import global_model_factory
from sample_factory.algo.utils.tensor_dict import TensorDict
from sample_factory.cfg.arguments import parse_full_cfg, parse_sf_args
from sample_factory.envs.env_utils import register_env
from sample_factory.model.actor_critic import ActorCritic
from sample_factory.train import make_runner
from torch import Tensor

from cluster.bench.peer_runs.world import SituatedPaint, look, make_policy, settings, taken_apart, tell
from learners.networks.sampling import joint_entropy
from learners.precision import autocast


def of_the_inner_one(wrapper: Any, name: str) -> Any:
    """Look an attribute up in the wrapped environment, as Gymnasium's wrappers did before release 1."""
    if name == "env":
        raise AttributeError(name)
    return getattr(wrapper.env, name)


gym.Wrapper.__getattr__ = of_the_inner_one  # type: ignore[attr-defined]  # the library counts agents through it


class Canvases(gym.Env[Any, Any]):
    """A batch of canvases as its batched environments are: of many agents."""

    is_multiagent = True
    render_mode = None

    def __init__(self, *_: Any, **__: Any) -> None:
        self.num_agents = settings().system.canvases
        self.worlds = SituatedPaint(self.num_agents, autoreset_mode=AutoresetMode.SAME_STEP)
        self.observation_space = self.worlds.single_observation_space
        self.action_space = gym.spaces.Tuple(gym.spaces.Discrete(int(n)) for n in self.worlds.env.spec_actions.sizes)
        self.infos: list[dict[str, Any]] = [{} for _ in range(self.num_agents)]

    def reset(self, **_: Any) -> Any:
        """Begin all episodes."""
        return self.worlds.reset()[0], self.infos

    def step(self, actions: Any) -> Any:
        """Do one action on each canvas."""
        observation, reward, ended, truncated, _ = self.worlds.step(np.asarray(actions).astype(np.int64))
        return observation, reward, ended, truncated, self.infos

    def close(self) -> None:
        """Free the canvases."""
        self.worlds.close()


class Autoregressive:
    """Distribution of actions that our policy decodes one component after the other."""

    def __init__(self, policy: Any, hidden: Tensor, step: Tensor, space: Any) -> None:
        self.policy, self.hidden, self.step, self.space = policy, hidden, step, space
        self.seen: dict[int, Tensor] = {}

    def watched(self) -> Any:
        """Keep the logits [N, size] of each component, which the library stores."""
        inner = self.policy.possible

        def possible(column: int, *rest: Any) -> Tensor:
            self.seen[column] = inner(column, *rest)
            return self.seen[column]

        return possible

    def decide(self, actions: Tensor | None) -> tuple[Tensor, Tensor]:
        """Actions int64 [N, K] and their log-probability [N], sampled or told."""
        policy = self.policy
        policy.possible = self.watched()
        try:
            if actions is None:
                with autocast("auto", self.hidden.device):
                    action, log_prob = policy.decode(self.hidden, None, self.step)
                return action, log_prob
            self.told, self.entropies = tell(policy, self.hidden, self.step, actions)
            return actions, torch.stack(self.told).sum(0)
        finally:
            del policy.possible

    @property
    def logits(self) -> Tensor:
        """All components' logits side by side."""
        return torch.cat([self.seen[column] for column in sorted(self.seen)], 1)

    def log_prob(self, actions: Tensor) -> Tensor:
        """Log-probability [N] of actions [N, K]."""
        return self.decide(actions)[1]

    def entropy(self) -> Tensor:
        """Entropy [N] at the actions told last."""
        return joint_entropy(self.entropies, self.told)

    def kl_divergence(self, other: Any) -> Tensor:
        """Divergence from the stored one, for its log."""
        return get_action_distribution(self.space, self.logits).kl_divergence(other)


class Ours(ActorCritic):
    """Our policy as its actor and critic."""

    def __init__(self, obs_space: Any, action_space: Any, cfg: Any) -> None:
        super().__init__(obs_space, action_space, cfg)
        self.policy = make_policy()

    def device_for_input_tensor(self, name: str) -> torch.device:
        """Device of the network."""
        return self.policy.patch_position.device

    def type_for_input_tensor(self, name: str) -> torch.dtype:
        """Bytes stay bytes."""
        return torch.uint8 if name == "canvas" else torch.float32

    def normalize_obs(self, obs: Any) -> Any:
        """Leave observations as they are; the policy scales them."""
        return obs

    def forward_head(self, obs: Any) -> Tensor:
        """Features, and the step behind them."""
        return look(self.policy, obs["canvas"], obs["situation"])

    def forward_core(self, head_output: Tensor, rnn_states: Tensor) -> tuple[Tensor, Tensor]:
        """No memory."""
        return head_output, rnn_states

    def forward_tail(self, core_output: Tensor, values_only: bool, sample_actions: bool) -> TensorDict:
        """Value, and actions if they are asked for."""
        hidden, step = taken_apart(core_output)
        with autocast("auto", hidden.device):
            result = TensorDict(values=self.policy.state_value(hidden).float())
        if values_only:
            return result
        distribution = Autoregressive(self.policy, hidden, step, self.action_space)
        self.last_action_distribution = distribution
        if sample_actions:
            result["actions"], result["log_prob_actions"] = distribution.decide(None)
            result["action_logits"] = distribution.logits
        return result

    def forward(self, obs: Any, rnn_states: Any, values_only: bool = False) -> TensorDict:
        """All of it."""
        x, rnn_states = self.forward_core(self.forward_head(obs), rnn_states)
        result = self.forward_tail(x, values_only, sample_actions=True)
        result["new_rnn_states"] = rnn_states
        return result


def make_canvases(name: str, cfg: Any = None, env_config: Any = None, render_mode: Any = None) -> Canvases:
    """Make a batch."""
    return Canvases()


def make_network(cfg: Any, obs_space: Any, action_space: Any) -> Ours:
    """Make the network."""
    return Ours(obs_space, action_space, cfg)


def main() -> None:
    """Train until the process is ended."""
    register_env("canvases", make_canvases)
    global_model_factory().register_actor_critic_factory(make_network)
    given = settings()
    length = given.paint.num_actions
    with tempfile.TemporaryDirectory() as folder:
        options = {
            "env": "canvases", "train_dir": folder, "device": "cpu", "async_rl": True, "serial_mode": False,
            "batched_sampling": True, "num_workers": 2, "num_envs_per_worker": 2, "worker_num_splits": 2,
            "rollout": length, "recurrence": 1, "use_rnn": False, "batch_size": length * given.system.canvases,
            "num_batches_per_epoch": 1, "num_epochs": 1, "with_vtrace": False, "normalize_input": False,
            "normalize_returns": False, "nonlinearity": "relu", "decorrelate_experience_max_seconds": 0,
            "train_for_env_steps": 10**12, "with_wandb": False, "save_every_sec": 10**6,
            "learning_rate": given.policy.policy_learning_rate,
        }  # fmt: skip
        words = [f"--{name}={value}" for name, value in options.items()]
        parser, _ = parse_sf_args(words)
        _, runner = make_runner(parse_full_cfg(parser, words))
        runner.init()

        def report() -> None:
            while True:
                time.sleep(1)
                print(sum(runner.env_steps.values()), flush=True)

        threading.Thread(target=report, daemon=True).start()
        runner.run()


if __name__ == "__main__":
    main()
