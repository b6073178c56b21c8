"""Batches of episodes painted by a policy that an inference service holds."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from actors.episodes import EpisodeRecorder
from actors.inference.channel import ServiceLost
from actors.inference.client import InferenceClient
from envs.worlds import World
from learners.trajectory import Trajectory


class ServedRollout(EpisodeRecorder):
    """N canvases in lock-step on which a service acts.

    The weights may change between two steps of an episode. Each step's log-probabilities and version are those of the
    weights that acted. An episode whose service goes away is given up, as its recurrent state is gone.

    Args:
        env: the worlds; all N episodes begin and end together.
        client: connection to the service.
        seed: of the noise and of the draw of targets.

    Attributes:
        epoch: number of checkpoints restored before the oldest weights that acted in the last unroll.
        lost: number of unrolls that were given up.
    """

    def __init__(self, env: World, client: InferenceClient, *, seed: int) -> None:
        super().__init__(env)
        self.client = client
        self.rng = np.random.default_rng(seed)
        self.acted_by: list[tuple[int, int]] = []
        self.epoch = self.lost = 0

    def draw_noise(self) -> NDArray[np.float32]:
        """Draw the noise of N episodes, float32 [N, Z]."""
        return self.rng.standard_normal((self.env.num_envs, self.client.agreed.noise_size), np.float32)

    def draw_rows(self, count: int) -> NDArray[np.int64]:
        """Draw N of `count` targets."""
        return self.rng.integers(count, size=self.env.num_envs)

    def begin_policy(self, noise: NDArray[np.float32], target: NDArray[np.uint8] | None) -> None:
        """See `EpisodeRecorder.begin_policy`."""
        self.client.begin(noise, target)

    def act(self, canvas: NDArray[np.uint8], step: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """See `EpisodeRecorder.act`."""
        choice = self.client.act(canvas, step)
        self.acted_by.append(self.client.acted_by)
        return choice

    def recurrent_state(self) -> NDArray[np.float32]:
        """See `EpisodeRecorder.recurrent_state`."""
        return self.client.recurrent_state()

    def unroll(self, steps: int, version: int = 0, actor: int = 0) -> Trajectory:
        """Paint the next `steps` actions, see `EpisodeRecorder.unroll`; the versions are those that the service says.

        Raises:
            ServiceLost: the service went away; `begin` begins anew.
        """
        self.acted_by.clear()
        trajectory = super().unroll(steps, version, actor)
        self.epoch, trajectory.version = min(self.acted_by)
        versions = [version for _, version in self.acted_by]
        if len({*self.acted_by}) > 1:
            trajectory.versions = np.repeat(np.array(versions)[:, None], self.env.num_envs, 1)
        return trajectory

    def next_unroll(self, steps: int, version: int = 0, actor: int = 0) -> Trajectory:
        """Paint the next `steps` actions, see `EpisodeRecorder.next_unroll`; waits for a service that is away."""
        while True:
            try:
                if self.client.connection is None:
                    self.client.connect()
                    self.conditional = self.client.agreed.conditional
                    self.computed_in = self.client.agreed.precision
                return super().next_unroll(steps, version, actor)
            except ServiceLost:
                self.lost += 1
                self.step = self.length
