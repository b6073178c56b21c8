"""Private parts of RLlib that the project needs. Ray is pinned to one release because of this module."""

from __future__ import annotations

from typing import Any

from ray.rllib.algorithms.algorithm_config import AlgorithmConfig
from ray.rllib.core.learner import learner_group
from ray.rllib.env.env_runner_group import EnvRunnerGroup
from ray.rllib.utils.actor_manager import FaultTolerantActorManager


def stop_state_synchronization(config: AlgorithmConfig) -> None:
    """Stop RLlib from sending connector states to the actors after each iteration: ours have none."""
    config._dont_auto_sync_env_runner_states = True


def actor_manager(group: EnvRunnerGroup) -> FaultTolerantActorManager:
    """Return the manager in which RLlib keeps the actors of a group."""
    return group._worker_manager


def set_next_actor_id(manager: FaultTolerantActorManager, number: int) -> None:
    """Give `number` to the next actor that is added: RLlib never reuses an id, which has no reason here."""
    manager._next_id = number


def bound_collective_calls(seconds: int) -> None:
    """Have the learner processes of a group give up a collective call after this time; RLlib allows 30 minutes."""
    original = getattr(learner_group._get_backend_config, "original", learner_group._get_backend_config)

    def bounded(learner_class: type) -> Any:
        config: Any = original(learner_class)
        config.timeout_s = seconds
        return config

    bounded.original = original  # type: ignore[attr-defined]
    learner_group._get_backend_config = bounded
