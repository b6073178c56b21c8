"""Ray actor that paints on canvases for which an inference service acts; it loads neither torch nor RLlib."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from actors.delivery import deliver
from actors.identity import ActorIdentity
from actors.inference.channel import socket_path
from actors.inference.client import InferenceClient
from actors.inference.recorder import ServedRollout
from actors.random_play import random_play
from actors.sink import RecordSink
from actors.stopwatch import Stopwatch
from envs.worlds import make_world


@dataclass(frozen=True)
class ServedActorConfig:
    """All that a `ServedActor` is made from.

    Attributes:
        settings: of the run (`PainterSettings`).
        service: name of the run's inference services.
        member: name of the run in a population, and in the actors' names.
        restarts: number of times that the run was started again.
        sink: opens the shared replay.
    """

    settings: Any
    service: str
    member: str
    restarts: int
    sink: Callable[[], RecordSink]


class ServedActor:
    """Counterpart of `actors.paint_runner.PaintRunner` without a policy of its own.

    Args:
        config: of all actors of the run.
        index: number of this actor in its run, from 1.

    Attributes:
        identity: its name, incarnation and seeds.
    """

    def __init__(self, config: ServedActorConfig, index: int) -> None:
        warnings.filterwarnings("ignore", "brush: ", UserWarning)  # the driver has warned
        settings = config.settings
        self.index = index
        self.identity = ActorIdentity.of_this_process(config.member, index, settings.system.seed, config.restarts)
        seed, play_seed = map(int, self.identity.seeds.generate_state(2))
        self.world = make_world(settings.system.canvases, settings.world)
        client = InferenceClient(socket_path(config.service), settings.system.canvases)
        self.rollout = ServedRollout(self.world, client, seed=seed)
        self.play = random_play(settings, play_seed)
        self.sink = config.sink()
        self.joint = settings.conditioning == "joint"
        self.unroll_length = settings.policy.unroll_length

    def __repr__(self) -> str:
        """Name of the actor, as Ray shows it."""
        return self.identity.name

    def sample_refs(self, targets: NDArray[np.uint8] | None = None) -> dict[str, Any]:
        """Paint one batch of episodes, or the next unroll of them if `unroll_length` is set.

        Args:
            targets: uint8 [M, H, W, C], images from which a conditional policy's targets are drawn; all actors of a
                node share one copy.

        Returns:
            As `actors.paint_runner.PaintRunner.sample_refs`; `version` and `epoch` are those of the oldest weights that
            acted, `inference` includes the wait for the service.
        """
        watch = self.rollout.watch = Stopwatch()
        self.rollout.targets = targets
        trajectory = self.rollout.next_unroll(self.unroll_length, 0, self.index)
        watch.start()
        if self.play is not None:
            trajectory.play = self.play.episodes()
            watch.lap("render")
        delivered = deliver(trajectory, self.sink, joint=self.joint)
        watch.lap("transfer")
        return {
            "steps": trajectory.steps,
            "version": trajectory.version,
            "epoch": self.rollout.epoch,
            "seconds": dict(watch.seconds),
            "actor": self.index,
            "incarnation": self.identity.incarnation,
            "trajectory": delivered,
        }

    def introduce(self) -> tuple[int, str]:
        """Return this actor's incarnation and the id of its node: it is there and can be asked for samples."""
        return self.identity.introduce()

    def assert_healthy(self) -> None:
        """Raise RuntimeError if this actor can not act."""
        if self.world.closed:
            raise RuntimeError("the worlds are closed")

    def process(self) -> int:
        """Return the number of this actor's process."""
        return os.getpid()

    def ping(self) -> str:
        """Answer RLlib's manager of actors."""
        return "pong"

    def apply(self, func: Callable[..., Any] | str, *args: Any, **kwargs: Any) -> Any:
        """Call a function with this actor, or one of its methods: the way in which RLlib's manager of actors calls."""
        if isinstance(func, str):
            return getattr(self, func)(*args, **kwargs)
        return func(self, *args, **kwargs)

    def stop(self) -> None:
        """Free the worlds."""
        self.rollout.client.close()
        self.world.close()
