"""The inference service as a Ray actor."""

from __future__ import annotations

import os
import sys
import threading
import time
import traceback
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from actors.inference.channel import socket_path
from actors.inference.server import InferenceServer
from learners.memory import keep_large_blocks
from learners.networks.build import build_policy
from learners.networks.weights import FlatWeights


@dataclass(frozen=True)
class Pulse:
    """State of a service.

    Attributes:
        incarnation: time of its process's start, in nanoseconds.
        acted_by: (epoch, version) of its newest weights.
        silent: seconds since its loop gave a sign of life.
        batches: forward passes so far.
        steps: actions so far.
    """

    incarnation: int
    acted_by: tuple[int, int]
    silent: float
    batches: int
    steps: int


class InferenceService:
    """Acts for all actors of a run that are on its node, in a thread of its own.

    Args:
        settings: of the run (`PainterSettings`).
        name: of the run's services: they listen at `socket_path(name)` of their nodes.
        member: of a population, or of a run alone; for this service's name in Ray's dashboard.
        restarts: of the run, for the seed.
    """

    def __init__(self, *, settings: Any, name: str, member: str, restarts: int) -> None:
        keep_large_blocks()
        self.name = f"{member}/inference"
        self.incarnation = time.time_ns()
        system, world = settings.system, settings.world
        torch.set_num_threads(system.inference_threads)
        seeds = np.random.SeedSequence([system.seed, restarts, self.incarnation])
        torch.manual_seed(int(seeds.generate_state(1)[0]))
        policy = build_policy(settings.policy, world.action_spec, world.canvas_shape, world.num_actions)
        self.server = InferenceServer(
            socket_path(name),
            policy,
            world.canvas_shape,
            precision=settings.policy.precision,
            most=system.inference_batch,
        )
        self.thread = threading.Thread(target=self.serve, name="inference", daemon=True)
        self.thread.start()

    def __repr__(self) -> str:
        """Name of the service, as Ray shows it."""
        return self.name

    def serve(self) -> None:
        """Serve until `close`; an error ends the process, and Ray starts another."""
        try:
            self.server.run()
        except BaseException:
            traceback.print_exc()
            sys.stderr.flush()
            os._exit(1)

    def load(self, weights: FlatWeights, version: int, epoch: int) -> None:
        """Act with these weights from the next batch on, see `InferenceServer.load`."""
        self.server.load(weights, version, epoch)

    def close(self) -> None:
        """End the service: nothing of it is left in the file system."""
        self.server.close()
        self.thread.join()

    def process(self) -> int:
        """Return the number of this service's process."""
        return os.getpid()

    def pulse(self) -> Pulse:
        """Say how the service is."""
        server = self.server
        newest = server.newest[1] if server.newest else (-1, -1)
        return Pulse(self.incarnation, newest, time.monotonic() - server.beat, server.batches, server.steps)
