"""The Ray actor that paints: whole batches of canvases at once, of which the driver gets references."""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import ray
from numpy.typing import NDArray

from actors.random_play import RandomPlay
from actors.rollout import Rollout
from actors.runner import BatchRunner
from actors.sink import RecordSink
from envs.worlds import make_world
from learners.conditioning import make_records
from learners.networks.build import build_policy


class PaintRunner(BatchRunner):
    """Paints batches of episodes, pushes final canvases to the shared replay, keeps trajectories in the object store.

    The configuration must have ``settings`` (what to paint and with which network) and ``sink()`` (where final
    canvases go): :class:`cluster.painter.config.SpiralConfig` has. With ``random_canvases`` each batch brings
    random play too.
    """

    def __init__(self, *, config: Any, **kwargs: Any) -> None:
        super().__init__(config=config, **kwargs)
        settings = config.settings
        self.world = make_world(settings.system.canvases, settings.world)
        self.policy = build_policy(
            settings.policy, self.world.spec_actions, settings.world.canvas_shape, settings.world.num_actions
        )
        seed, play_seed = map(int, self.seeds.generate_state(2))
        self.rollout = Rollout(self.world, self.policy, seed=seed, precision=settings.policy.precision)
        self.play: RandomPlay | None = None
        if settings.system.random_canvases:
            at_random = make_world(settings.system.random_canvases, settings.world)
            self.play = RandomPlay(at_random, settings.policy.noise_size, play_seed)
        self.sink: RecordSink | None = config.sink()
        self.joint = settings.conditioning == "joint"
        self.unroll_length = settings.policy.unroll_length

    def sample_refs(
        self,
        weights: dict[str, Any] | None = None,
        version: int = -1,
        epoch: int = 0,
        targets: NDArray[np.uint8] | None = None,
    ) -> dict[str, Any]:
        """Paint one batch of episodes, or the next piece of them where ``unroll_length`` cuts episodes.

        Args:
            weights: see :meth:`BatchRunner.sample_refs`, as ``version`` and ``epoch``.
            version: policy updates behind ``weights``.
            epoch: how often the algorithm took back a checkpoint.
            targets: uint8 [M, H, W, C], images for a conditional policy; all actors of a node share one copy.

        Returns:
            ``trajectory`` (a list with one object reference of a :class:`Trajectory`) and what every runner reports;
            ``seconds`` are those of render, inference and transfer.
        """
        clock = time.perf_counter()
        seconds = self.rollout.seconds
        seconds.clear()
        self.take_weights(weights, version, epoch)
        self.require_weights()
        loaded = time.perf_counter()
        self.rollout.targets = targets
        trajectory = self.rollout.next_unroll(self.unroll_length, self.version[1], self.index)
        if self.play is not None:
            begun = time.perf_counter()
            trajectory.play = self.play.episodes()
            seconds["render"] += time.perf_counter() - begun
        painted = time.perf_counter()
        if self.sink is not None and (trajectory.ends is None or trajectory.ends.all()):
            action = trajectory.action if self.joint else None
            self.sink.push(make_records(trajectory.canvas[-1], trajectory.target, action))
        reference = ray.put(trajectory)
        seconds["transfer"] = loaded - clock + time.perf_counter() - painted
        return self.report(trajectory.steps, seconds, trajectory=[reference])
