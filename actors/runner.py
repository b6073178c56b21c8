"""What the Ray actors of all runs share: an RLlib EnvRunner that works in batches and is given its weights."""

from __future__ import annotations

import time
import warnings
from abc import abstractmethod
from typing import Any

import numpy as np
import ray
import torch
from ray.rllib.core import DEFAULT_MODULE_ID
from ray.rllib.env import INPUT_ENV_SPACES
from ray.rllib.env.env_runner import EnvRunner
from torch import nn

from learners.memory import keep_large_blocks


class BatchRunner(EnvRunner):
    """Steps many worlds at once and answers with references and counts.

    RLlib's own runners spend about a millisecond of Python on each vector step and collect episodes as lists of
    steps; a painting step costs a tenth of that.

    The configuration must have ``settings`` and ``restarts``. Its ``member`` names the actor,
    ``painter-03/actor-7``, in Ray's dashboard, its logs and its list of actors.

    Attributes:
        index: number of this actor in its run, from 1.
        seeds: what this actor draws from; differs between actors, between restarts of the run, and from what an actor
            that died drew.
        world: the vector environment.
        policy: the network that acts.
        version: (epoch, version) of the weights that it holds; (-1, -1) before any came.
    """

    world: Any
    policy: nn.Module

    def __init__(self, *, config: Any, **kwargs: Any) -> None:
        super().__init__(config=config, **kwargs)
        keep_large_blocks()
        torch.set_num_threads(max(1, int(config.num_cpus_per_env_runner)))
        self.index = int(self.worker_index or 0)
        self.name = f"{config.member}/actor-{self.index}"
        identity = [config.settings.system.seed, config.restarts, self.index]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Ray's own use of what it calls deprecated
            reconstructed = ray.get_runtime_context().was_current_actor_reconstructed
        if reconstructed:
            identity.append(time.time_ns())
        self.seeds = np.random.SeedSequence(identity)
        self.version = (-1, -1)

    def __repr__(self) -> str:
        """Ray shows this as the actor's name."""
        return self.name

    @abstractmethod
    def sample_refs(self, weights: dict[str, Any] | None = None, version: int = -1, epoch: int = 0) -> dict[str, Any]:
        """Act for one batch, with these weights from now on.

        Args:
            weights: NumPy arrays by name, taken over if ``epoch`` and ``version`` differ from what this actor holds.
            version: policy updates behind ``weights``.
            epoch: how often the algorithm took back a checkpoint; weights of one version differ between epochs.

        Returns:
            At least ``steps``, ``version``, ``epoch``, ``actor`` (its index), and wall ``seconds`` by activity.
        """

    def take_weights(self, weights: dict[str, Any] | None, version: int, epoch: int) -> None:
        """Take weights over, unless they are those that this actor holds."""
        if weights is not None and (epoch, version) != self.version:
            self.policy.load_state_dict({name: torch.tensor(array) for name, array in weights.items()})
            self.version = (epoch, version)

    def require_weights(self) -> None:
        """Raises RuntimeError if none came yet."""
        if self.version[1] < 0:
            raise RuntimeError("sample_refs: the first call must bring weights")

    def report(self, steps: int, seconds: dict[str, float], **more: Any) -> dict[str, Any]:
        """The answer of :meth:`sample_refs`."""
        epoch, version = self.version
        counts = {"steps": steps, "version": version, "epoch": epoch, "actor": self.index, "seconds": dict(seconds)}
        return counts | more

    def sample(self, **kwargs: Any) -> Any:
        """RLlib's name for :meth:`sample_refs`."""
        return self.sample_refs(**kwargs)

    def assert_healthy(self) -> None:
        """Raise if this actor can not act."""
        if self.world.closed:
            raise RuntimeError("the worlds are closed")

    def get_spaces(self) -> dict[str, Any]:
        """Observation and action space of one world."""
        spaces = (self.world.single_observation_space, self.world.single_action_space)
        return {INPUT_ENV_SPACES: spaces, DEFAULT_MODULE_ID: spaces}

    def get_metrics(self) -> Any:
        """RLlib's statistics of this actor; ours travel with each batch."""
        return self.metrics.reduce()

    def get_state(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Nothing needs to be kept: weights come with every request."""
        return {}

    def set_state(self, state: dict[str, Any]) -> None:
        """Nothing to take back, see :meth:`get_state`."""

    def stop(self) -> None:
        """Free the worlds."""
        self.world.close()
