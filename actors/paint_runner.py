"""The Ray actor that paints: an RLlib EnvRunner which steps a whole batch of canvases and returns references."""

from __future__ import annotations

import time
import warnings
from typing import Any

import numpy as np
import ray
import torch
from numpy.typing import NDArray
from ray.rllib.core import DEFAULT_MODULE_ID
from ray.rllib.env import INPUT_ENV_SPACES
from ray.rllib.env.env_runner import EnvRunner

from actors.rollout import Rollout
from actors.sink import CanvasSink
from envs.worlds import make_world
from learners.conditioning import make_records
from learners.memory import keep_large_blocks
from learners.networks.build import build_policy


class PaintRunner(EnvRunner):
    """Paints batches of episodes, pushes final canvases to the shared replay, keeps trajectories in the object store.

    RLlib's own runners spend about a millisecond of Python on each vector step and collect episodes as lists of
    steps; a painting step costs a tenth of that. This one returns one reference a batch.

    The configuration must have ``settings`` (what to paint and with which network) and ``sink()`` (where final
    canvases go): :class:`cluster.config.SpiralConfig` has. Its ``member`` names the actor, ``painter-03/actor-7``, in
    Ray's dashboard, its logs and its list of actors.
    """

    def __init__(self, *, config: Any, **kwargs: Any) -> None:
        super().__init__(config=config, **kwargs)
        settings = config.settings
        keep_large_blocks()
        torch.set_num_threads(max(1, int(config.num_cpus_per_env_runner)))
        self.index = int(self.worker_index or 0)
        self.name = f"{config.member}/actor-{self.index}"
        self.world = make_world(settings.system.canvases, settings.world)
        policy = build_policy(
            settings.policy, self.world.spec_actions, settings.world.canvas_shape, settings.world.num_actions
        )
        identity = [settings.system.seed, config.restarts, self.index]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Ray's own use of what it calls deprecated
            reconstructed = ray.get_runtime_context().was_current_actor_reconstructed
        if reconstructed:
            identity.append(time.time_ns())  # not the same paintings again
        seed = int(np.random.SeedSequence(identity).generate_state(1)[0])
        self.rollout = Rollout(self.world, policy, seed=seed, precision=settings.policy.precision)
        self.sink: CanvasSink | None = config.sink()
        self.joint = settings.conditioning == "joint"
        self.unroll_length = settings.policy.unroll_length
        self.version = (-1, -1)

    def __repr__(self) -> str:
        """Ray shows this as the actor's name."""
        return self.name

    def sample_refs(
        self,
        weights: dict[str, Any] | None = None,
        version: int = -1,
        epoch: int = 0,
        targets: NDArray[np.uint8] | None = None,
    ) -> dict[str, Any]:
        """Paint one batch of episodes, or the next piece of them where ``unroll_length`` cuts episodes.

        Args:
            weights: NumPy arrays by name, taken over if ``epoch`` and ``version`` differ from what this actor holds.
            version: policy updates behind ``weights``.
            epoch: how often the algorithm took back a checkpoint; weights of one version differ between epochs.
            targets: uint8 [M, H, W, C], images for a conditional policy; all actors of a node share one copy.

        Returns:
            ``trajectory`` (a list with one object reference of a :class:`Trajectory`), ``steps``, ``version``,
            ``epoch``, ``actor`` (its index), and wall ``seconds`` by activity (render, inference, transfer).
        """
        clock = time.perf_counter()
        seconds = self.rollout.seconds
        seconds.clear()
        if weights is not None and (epoch, version) != self.version:
            self.rollout.policy.load_state_dict({name: torch.tensor(array) for name, array in weights.items()})
            self.version = (epoch, version)
        elif self.version[1] < 0:
            raise RuntimeError("sample_refs: the first call must bring weights")
        loaded = time.perf_counter()
        self.rollout.targets = targets
        trajectory = self.rollout.next_unroll(self.unroll_length, self.version[1], self.index)
        painted = time.perf_counter()
        if self.sink is not None and (trajectory.ends is None or trajectory.ends.all()):
            action = trajectory.action if self.joint else None
            self.sink.push(make_records(trajectory.canvas[-1], trajectory.target, action))
        reference = ray.put(trajectory)
        seconds["transfer"] = loaded - clock + time.perf_counter() - painted
        return {
            "trajectory": [reference],
            "steps": trajectory.steps,
            "version": self.version[1],
            "epoch": self.version[0],
            "actor": self.index,
            "seconds": dict(seconds),
        }

    def sample(self, **kwargs: Any) -> Any:
        """RLlib's name for painting a batch; see :meth:`sample_refs`."""
        return self.sample_refs(**kwargs)

    def assert_healthy(self) -> None:
        """Raise if this actor can not paint."""
        if self.world.closed:
            raise RuntimeError("the canvases are closed")

    def get_spaces(self) -> dict[str, Any]:
        """Observation and action space of one canvas."""
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
        """Free the canvases."""
        self.world.close()
