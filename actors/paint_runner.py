"""Ray actor that paints whole batches of canvases and gives the driver references of them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from actors.delivery import deliver
from actors.random_play import random_play
from actors.rollout import Rollout
from actors.runner import BatchRunner
from actors.sink import RecordSink
from actors.stopwatch import Stopwatch
from envs.worlds import make_world
from learners.networks.build import build_policy
from learners.networks.weights import FlatWeights


class PaintRunner(BatchRunner):
    """Environment runner of a painter.

    It paints batches of episodes, puts the trajectories into Ray's object store and pushes records of the final
    canvases to the shared replay. With the setting `random_canvases` each batch brings episodes of random actions too.

    Args:
        config: has `settings` (`PainterSettings`) and `sink()` (the `RecordSink`, or None), as `SpiralConfig` has.
        kwargs: for RLlib's `EnvRunner`.
    """

    def __init__(self, *, config: Any, **kwargs: Any) -> None:
        super().__init__(config=config, **kwargs)
        settings = config.settings
        self.world = make_world(settings.system.canvases, settings.world)
        self.policy = build_policy(
            settings.policy, self.world.spec_actions, settings.world.canvas_shape, settings.world.num_actions
        )
        seed, play_seed = map(int, self.identity.seeds.generate_state(2))
        self.rollout = Rollout(self.world, self.policy, seed=seed, precision=settings.policy.precision)
        self.play = random_play(settings, play_seed)
        self.sink: RecordSink | None = config.sink()
        self.joint = settings.conditioning == "joint"
        self.unroll_length = settings.policy.unroll_length

    def sample_refs(
        self,
        weights: FlatWeights | None = None,
        version: int = -1,
        epoch: int = 0,
        targets: NDArray[np.uint8] | None = None,
    ) -> dict[str, Any]:
        """Paint one batch of episodes, or the next unroll of them if `unroll_length` is set.

        Args:
            weights: see `BatchRunner.sample_refs`, as for `version` and `epoch`.
            version: policy updates behind `weights`.
            epoch: number of checkpoints that the algorithm has restored.
            targets: uint8 [M, H, W, C], images from which a conditional policy's targets are drawn; all actors of a
                node share one copy.

        Returns:
            The report of every runner, with `seconds` of render, inference and transfer, and `trajectory`: a list with
            one object reference of a `Trajectory`.
        """
        watch = self.rollout.watch = Stopwatch()
        self.take_weights(weights, version, epoch)
        self.require_weights()
        watch.lap("transfer")
        self.rollout.targets = targets
        trajectory = self.rollout.next_unroll(self.unroll_length, self.version[1], self.index)
        if self.play is not None:
            watch.start()
            trajectory.play = self.play.episodes()
            watch.lap("render")
        watch.start()
        delivered = deliver(trajectory, self.sink, joint=self.joint)
        watch.lap("transfer")
        return self.report(trajectory.steps, watch.seconds, trajectory=delivered)
