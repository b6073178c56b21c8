"""Rates of the shared replay: canvases pushed and sampled a second.

Figures of two cores (Redis 7.0 on loopback, redis-py 8.1 without hiredis), canvases/s, beside the ways not taken:

    64x64x3, batch 64                          push       sample
    a hash of canvases, HSET and HMGET       10-30 k      19-26 k    <- ours; while other work ran, like the next line
    a key per canvas, the same minutes       12-24 k      19-21 k
    a key per canvas, MSET and MGET          31-44 k      31-62 k
    one long string, SETRANGE and GETRANGE  103-124 k     18-37 k
    one long string, Lua                       25 k         12 k

Pushes are spread over all actors and are far from the limit either way; samples are what the learner waits for.
"""

import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import redis

from cluster.bench.measure import figure
from cluster.bench.options import BenchOptions, Figure
from cluster.replay.buffer import Replay, ReplaySpec
from cluster.replay.server import RedisServer

BATCH = 64


def bench(options: BenchOptions) -> Iterator[Figure]:
    """Yield push and sample rates in batches of 64 on a Redis of its own.

    Each rate is the best of several measurements of 100 batches, as the others measure the rest of the machine, and is
    followed by that of the server's CPU time alone: one Redis saturates there, however many ask it.
    """
    calls, repeats = (10, 1) if options.quick else (100, 3)
    rng = np.random.default_rng(0)
    with RedisServer() as server:
        for shape in ((64, 64, 3), (64, 64, 1), (32, 32, 1)):
            replay = Replay(ReplaySpec(server.url, "bench", shape))
            batch = rng.integers(0, 256, (BATCH, *shape), dtype=np.uint8)
            for _ in range(replay.spec.capacity // BATCH):
                replay.push(batch)
            name = "x".join(str(side) for side in shape)
            verbs: dict[str, Callable[[], object]] = {
                "push": lambda replay=replay, batch=batch: replay.push(batch),  # type: ignore[misc]
                "sample": lambda replay=replay: replay.sample(BATCH, rng),  # type: ignore[misc]
            }
            for verb, call in verbs.items():
                wall, processor = best_seconds(call, calls, repeats, server)
                detail = {"batch": BATCH, "server": "Redis on loopback"}
                yield figure(f"replay {verb} {name}", calls * BATCH / wall, "canvases/s", **detail)
                title, unit = f"replay {verb} {name}, server", "canvases/CPU-s of Redis"
                yield figure(title, repeats * calls * BATCH / processor, unit, **detail)
            replay.clear()
            replay.close()


def best_seconds(call: Callable[[], object], calls: int, repeats: int, server: RedisServer) -> tuple[float, float]:
    """Wall seconds of the fastest of several repeats, and the CPU-seconds that the server spent on all of them."""
    call()
    seconds = []
    with redis.Redis.from_url(server.url) as client:
        before = cpu_seconds(client)
        for _ in range(repeats):
            start = time.perf_counter()
            for _ in range(calls):
                call()
            seconds.append(time.perf_counter() - start)
        return min(seconds), max(cpu_seconds(client) - before, 1e-6)


def cpu_seconds(client: Any) -> float:
    """CPU-seconds that the server has spent since it started."""
    usage = client.info("cpu")
    return float(usage["used_cpu_user"]) + float(usage["used_cpu_sys"])
