"""The Ray actor of an off-policy run: an RLlib EnvRunner that sends blocks of transitions to the shared replay."""

from __future__ import annotations

import time
import warnings
from typing import Any

import numpy as np
import ray
import torch
from ray.rllib.core import DEFAULT_MODULE_ID
from ray.rllib.env import INPUT_ENV_SPACES
from ray.rllib.env.env_runner import EnvRunner

from actors.sink import CanvasSink
from actors.transition_rollout import ActionRange, TransitionRollout, ladder, observation_size
from learners.memory import keep_large_blocks
from learners.networks.td3 import Actor
from learners.settings import TD3Settings


class TransitionRunner(EnvRunner):
    """Acts in many worlds at once and pushes blocks of transitions to the shared replay; the driver gets counts only.

    The configuration must have what :class:`cluster.td3_config.LatentTD3Config` has: ``settings``, ``layout``,
    ``world(count, seed)`` and ``sink()``.
    """

    def __init__(self, *, config: Any, **kwargs: Any) -> None:
        super().__init__(config=config, **kwargs)
        self.td3: TD3Settings = config.settings.td3
        system = config.settings.system
        keep_large_blocks()
        torch.set_num_threads(max(1, int(config.num_cpus_per_env_runner)))
        self.index = int(self.worker_index or 0)
        self.name = f"{config.member}/actor-{self.index}"
        self.steps = system.block // system.worlds
        place = min(self.index, config.num_env_runners)  # one that was added later acts like the last
        self.ladder = ladder(place, config.num_env_runners, self.td3.noise_ladder)
        identity = [system.seed, config.restarts, self.index]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Ray's own use of what it calls deprecated
            reconstructed = ray.get_runtime_context().was_current_actor_reconstructed
        if reconstructed:
            identity.append(time.time_ns())  # not the same draws again
        sequence = np.random.SeedSequence(identity)
        seed = int(sequence.generate_state(1)[0])
        self.blocks = int(sequence.generate_state(2)[1])  # names of this actor's blocks count on from here
        self.world = config.world(system.worlds, seed)
        size = observation_size(self.world.single_observation_space)
        actor = Actor(size, ActionRange(self.world.single_action_space).size, self.td3.hidden)
        self.rollout = TransitionRollout(
            self.world,
            actor,
            config.layout,
            discount=self.td3.discount,
            n_step=self.td3.n_step,
            prior_spread=config.prior_spread,
            seed=seed,
        )
        self.sink: CanvasSink = config.sink()
        self.version = (-1, -1)

    def __repr__(self) -> str:
        """Ray shows this as the actor's name."""
        return self.name

    def sample_refs(
        self,
        weights: dict[str, Any] | None = None,
        version: int = -1,
        epoch: int = 0,
        noise_share: float = 1.0,
        warmup: bool = False,
    ) -> dict[str, Any]:
        """Act for one block and push it.

        Args:
            weights: NumPy arrays of the actor by name, taken over if ``epoch`` and ``version`` differ from what this
                holds; not needed during the warm-up.
            version: updates behind ``weights``.
            epoch: how often the algorithm took back a checkpoint; weights of one version differ between epochs.
            noise_share: what is left of the exploration noise by now, in [0, 1].
            warmup: draw all actions from the prior.

        Returns:
            ``steps``, ``version``, ``epoch``, ``actor`` (its index), ``returns`` (of the episodes that ended),
            ``noise`` (the spread in use), and wall ``seconds`` by activity.
        """
        clock = time.perf_counter()
        seconds = self.rollout.seconds
        seconds.clear()
        self.rollout.finished.clear()
        if weights is not None and (epoch, version) != self.version:
            self.rollout.actor.load_state_dict({name: torch.tensor(array) for name, array in weights.items()})
            self.version = (epoch, version)
        elif self.version[1] < 0 and not warmup:
            raise RuntimeError("sample_refs: the first call must bring weights")
        loaded = time.perf_counter()
        noise = self.td3.exploration_noise * self.ladder * noise_share
        columns = self.rollout.block(self.steps, noise, 1.0 if warmup else self.td3.prior_share)
        acted = time.perf_counter()
        self.blocks = (self.blocks + 1) % 2**32
        block = self.rollout.layout.pack(columns, self.blocks)
        self.sink.push(block[None])
        seconds["transfer"] = loaded - clock + time.perf_counter() - acted
        return {
            "steps": len(columns["action"]),
            "version": self.version[1],
            "epoch": self.version[0],
            "actor": self.index,
            "returns": list(self.rollout.finished),
            "noise": noise,
            "seconds": dict(seconds),
        }

    def sample(self, **kwargs: Any) -> Any:
        """RLlib's name for acting for a block; see :meth:`sample_refs`."""
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
        """RLlib's statistics of this actor; ours travel with each block."""
        return self.metrics.reduce()

    def get_state(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Nothing needs to be kept: weights come with every request."""
        return {}

    def set_state(self, state: dict[str, Any]) -> None:
        """Nothing to take back, see :meth:`get_state`."""

    def stop(self) -> None:
        """Free the worlds."""
        self.world.close()
