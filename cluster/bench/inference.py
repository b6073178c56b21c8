"""Steps per CPU-second of actors with a policy each, beside those of actors that an inference service acts for."""

from __future__ import annotations

import multiprocessing
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import torch

from actors.inference.client import InferenceClient
from actors.inference.recorder import ServedRollout
from actors.inference.server import InferenceServer
from actors.rollout import Rollout
from cluster.bench.measure import figure, median_ratio, spread
from cluster.bench.options import BenchOptions, Figure
from cluster.painter.settings import PainterSettings, preset
from envs.worlds import make_world
from learners.memory import keep_large_blocks
from learners.networks.build import build_policy
from learners.networks.policy import PaintPolicy
from learners.networks.weights import FlatWeights

#: Actors of each way, unless the options say otherwise.
ACTORS = 8
#: Steps of an episode that each actor paints in a turn.
UNROLL = 4


def make_policy(settings: PainterSettings) -> PaintPolicy:
    """Build the policy: the same weights in each process."""
    torch.set_num_threads(1)
    keep_large_blocks()
    torch.manual_seed(0)
    world = settings.world
    return build_policy(settings.policy, world.action_spec, world.canvas_shape, world.num_actions)


def act(orders: Connection, settings: PainterSettings, path: Path | None, seed: int) -> None:
    """Be an actor, served or with a policy of its own: for each order paint, and answer steps and CPU-seconds.

    Args:
        orders: True for a turn, False for the end.
        settings: of the run.
        path: of the service's socket, or None.
        seed: of this actor.
    """
    world = make_world(settings.system.canvases, settings.world)
    rollout: Rollout | ServedRollout
    if path is None:
        rollout = Rollout(world, make_policy(settings), seed=seed, precision=settings.policy.precision)
    else:
        rollout = ServedRollout(world, InferenceClient(path, settings.system.canvases), seed=seed)
    while orders.recv():
        start = time.process_time()
        steps = rollout.next_unroll(UNROLL).steps
        orders.send((steps, time.process_time() - start))


def serve(orders: Connection, settings: PainterSettings, path: Path) -> None:
    """Be the inference service at `path`: for each order answer the CPU-seconds spent since the last."""
    policy = make_policy(settings)
    system = settings.system
    server = InferenceServer(
        path, policy, settings.world.canvas_shape, precision=settings.policy.precision, most=system.inference_batch
    )
    server.load(FlatWeights.of(policy), 0, 0)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    last = time.process_time()
    while orders.recv():
        now = time.process_time()
        orders.send((0, now - last))
        last = now
    server.close()
    thread.join()


class Processes:
    """Processes that work when told.

    Args:
        targets: function and arguments of each, after the connection.
    """

    def __init__(self, targets: list[tuple[Any, tuple[Any, ...]]]) -> None:
        context = multiprocessing.get_context("spawn")
        self.connections: list[Connection] = []
        self.members = []
        for target, arguments in targets:
            ours, theirs = context.Pipe()
            member = context.Process(target=target, args=(theirs, *arguments), daemon=True)
            member.start()
            theirs.close()
            self.connections.append(ours)
            self.members.append(member)

    def turn(self) -> tuple[int, float]:
        """Have all do a turn at once; returns their steps and CPU-seconds."""
        for connection in self.connections:
            connection.send(True)
        answers = [connection.recv() for connection in self.connections]
        return sum(steps for steps, _ in answers), sum(seconds for _, seconds in answers)

    def close(self) -> None:
        """End them."""
        for connection, member in zip(self.connections, self.members, strict=True):
            connection.send(False)
            member.join()


def bench(options: BenchOptions) -> Iterator[Figure]:
    """Yield the rates of both ways, measured in turns, and their ratio."""
    name = options.preset or "paper"
    settings = preset(name)
    count = options.actors or ACTORS
    if options.quick:
        settings, count = settings.replace(canvases=4), min(count, 2)
    repeats = 1 if options.quick else options.repeats
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        path = Path(folder, "service", "socket")
        alone = Processes([(act, (settings, None, seed)) for seed in range(count)])
        stack.callback(alone.close)
        served = Processes([(act, (settings, path, seed)) for seed in range(count)])
        stack.callback(served.close)
        service = Processes([(serve, (settings, path))])
        stack.callback(service.close)
        rates: dict[str, list[float]] = {"actor": [], "server": []}
        for repeat in range(repeats + 1):
            steps, seconds = alone.turn()
            actor = steps / seconds
            service.turn()
            steps, seconds = served.turn()
            server = steps / (seconds + service.turn()[1])
            if repeat:  # the first turn allocates and fills caches
                rates["actor"].append(actor)
                rates["server"].append(server)
    canvases = settings.system.canvases
    detail = {"preset": name, "actors": count, "canvases": canvases, "threads": 1, "torch": torch.__version__}
    for way, title in (("actor", "actors with a policy each"), ("server", "actors with an inference service")):
        yield figure(f"{title}, {name}", statistics.median(rates[way]), "steps/CPU-s", **detail, **spread(rates[way]))
    ratio = median_ratio(rates["server"], rates["actor"])
    yield figure(f"inference service against actors, {name}", ratio, "times", **detail)
