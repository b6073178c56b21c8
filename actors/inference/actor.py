"""Ray actor that paints on canvases for which an inference service acts; it loads neither torch nor RLlib."""

from __future__ import annotations

import os
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import ray
from numpy.typing import NDArray

from actors.inference.channel import socket_path
from actors.inference.client import InferenceClient
from actors.inference.recorder import ServedRollout
from actors.random_play import RandomPlay
from actors.sink import RecordSink
from actors.stopwatch import Stopwatch
from envs.worlds import make_world
from learners.records import make_records


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
        incarnation: time of this process's start, in nanoseconds: tells an actor from the one that it replaced.
    """

    def __init__(self, config: ServedActorConfig, index: int) -> None:
        warnings.filterwarnings("ignore", "brush: ", UserWarning)  # the driver has warned
        settings = config.settings
        self.index = index
        self.name = f"{config.member}/actor-{index}"
        self.incarnation = time.time_ns()
        identity = [settings.system.seed, config.restarts, index]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Ray uses a function that Ray has deprecated
            reconstructed = ray.get_runtime_context().was_current_actor_reconstructed
        if reconstructed:
            identity.append(self.incarnation)
        seed, play_seed = map(int, np.random.SeedSequence(identity).generate_state(2))
        self.world = make_world(settings.system.canvases, settings.world)
        client = InferenceClient(socket_path(config.service), settings.system.canvases)
        self.rollout = ServedRollout(self.world, client, seed=seed)
        self.play: RandomPlay | None = None
        if settings.system.random_canvases:
            at_random = make_world(settings.system.random_canvases, settings.world)
            self.play = RandomPlay(at_random, settings.policy.noise_size, play_seed)
        self.sink = config.sink()
        self.joint = settings.conditioning == "joint"
        self.unroll_length = settings.policy.unroll_length

    def __repr__(self) -> str:
        """Name of the actor, as Ray shows it."""
        return self.name

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
        if trajectory.ends is None or trajectory.ends.all():
            action = trajectory.action if self.joint else None
            self.sink.push(make_records(trajectory.canvas[-1], trajectory.target, action))
        reference = ray.put(trajectory)
        watch.lap("transfer")
        return {
            "steps": trajectory.steps,
            "version": trajectory.version,
            "epoch": self.rollout.epoch,
            "seconds": dict(watch.seconds),
            "actor": self.index,
            "incarnation": self.incarnation,
            "trajectory": [reference],
        }

    def introduce(self) -> tuple[int, str]:
        """Return this actor's incarnation and the id of its node: it is there and can be asked for samples."""
        return self.incarnation, ray.get_runtime_context().get_node_id()

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
