"""Base of the Ray actors of all runs: an RLlib EnvRunner that works in batches and is given its weights."""

from __future__ import annotations

import warnings
from abc import abstractmethod
from typing import Any

import torch
from ray.rllib.core import DEFAULT_MODULE_ID
from ray.rllib.env import INPUT_ENV_SPACES
from ray.rllib.env.env_runner import EnvRunner
from torch import nn

from actors.identity import ActorIdentity
from learners.memory import keep_large_blocks
from learners.networks.weights import FlatWeights


class StatelessRunner(EnvRunner):
    """Environment runner without a state of RLlib's: weights come with the requests, numbers with the answers."""

    def get_metrics(self) -> Any:
        """RLlib's statistics, which are empty."""
        return self.metrics.reduce()

    def get_state(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Empty state."""
        return {}

    def set_state(self, state: dict[str, Any]) -> None:
        """Do nothing, as `get_state` returns nothing."""


class BatchRunner(StatelessRunner):
    """Environment runner that steps many worlds at once and answers with references and counts.

    RLlib's own runners spend about a millisecond of Python on each vector step and collect episodes as lists of
    steps; a painting step costs a tenth of that.

    Args:
        config: has `settings`, `restarts` (of the run) and `member`, which with the index names this actor in Ray's
            dashboard and logs: `painter-03/actor-7`.
        kwargs: for RLlib's `EnvRunner`.

    Attributes:
        index: number of this actor in its run, from 1.
        identity: its name, incarnation and seeds.
        world: the vector environment.
        policy: the network that acts.
        version: (epoch, version) of the policy's weights; (-1, -1) before the first.
    """

    world: Any
    policy: nn.Module

    def __init__(self, *, config: Any, **kwargs: Any) -> None:
        super().__init__(config=config, **kwargs)
        keep_large_blocks()
        # The driver has made a world of these settings too, and has warned of an odd brush: once a run is enough.
        warnings.filterwarnings("ignore", "brush: ", UserWarning)
        torch.set_num_threads(max(1, int(config.num_cpus_per_env_runner)))
        self.index = int(self.worker_index or 0)
        seed = config.settings.system.seed
        self.identity = ActorIdentity.of_this_process(config.member, self.index, seed, config.restarts)
        self.version = (-1, -1)

    def __repr__(self) -> str:
        """Name of the actor, as Ray shows it."""
        return self.identity.name

    @abstractmethod
    def sample_refs(self, weights: FlatWeights | None = None, version: int = -1, epoch: int = 0) -> dict[str, Any]:
        """Act for one batch, from now on with these weights.

        Args:
            weights: loaded if `epoch` or `version` differs from those of the present weights.
            version: policy updates behind `weights`.
            epoch: number of checkpoints that the algorithm has restored; weights of one version differ between epochs.

        Returns:
            At least `steps`, `version`, `epoch`, `actor` (its index), `incarnation`, and wall `seconds` by activity.
        """

    def take_weights(self, weights: FlatWeights | None, version: int, epoch: int) -> None:
        """Load weights, unless they are the present ones."""
        if weights is not None and (epoch, version) != self.version:
            weights.load_into(self.policy)
            self.version = (epoch, version)

    def require_weights(self) -> None:
        """Raise RuntimeError if no weights have been loaded."""
        if self.version[1] < 0:
            raise RuntimeError("sample_refs: the first call must bring weights")

    def report(self, steps: int, seconds: dict[str, float], **more: Any) -> dict[str, Any]:
        """Answer of `sample_refs`: what every runner reports, and `more`."""
        epoch, version = self.version
        counts = {"steps": steps, "version": version, "epoch": epoch, "seconds": dict(seconds)}
        return counts | {"actor": self.index, "incarnation": self.identity.incarnation} | more

    def introduce(self) -> tuple[int, str]:
        """Return this actor's incarnation and the id of its node: it is there and can be asked for samples."""
        return self.identity.introduce()

    def sample(self, **kwargs: Any) -> Any:
        """`sample_refs` under RLlib's name for it."""
        return self.sample_refs(**kwargs)

    def assert_healthy(self) -> None:
        """Raise RuntimeError if this actor can not act."""
        if self.world.closed:
            raise RuntimeError("the worlds are closed")

    def get_spaces(self) -> dict[str, Any]:
        """Observation and action space of one world."""
        spaces = (self.world.single_observation_space, self.world.single_action_space)
        return {INPUT_ENV_SPACES: spaces, DEFAULT_MODULE_ID: spaces}

    def stop(self) -> None:
        """Free the worlds."""
        self.world.close()
