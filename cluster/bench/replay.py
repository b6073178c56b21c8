"""How fast the shared replay takes and gives canvases: `python -m cluster.bench.replay`.

Figures of two cores (Redis 7.0 on loopback, redis-py 8.1 without hiredis), canvases/s, beside the ways not taken:

    64x64x3, batch 64                          push       sample
    a hash of canvases, HSET and HMGET       10-30 k      19-26 k    <- ours; while other work ran, like the next line
    a key per canvas, the same minutes       12-24 k      19-21 k
    a key per canvas, MSET and MGET          31-44 k      31-62 k
    one long string, SETRANGE and GETRANGE  103-124 k     18-37 k
    one long string, Lua                       25 k         12 k

Pushes are spread over all actors and are far from the limit either way; samples are what the learner waits for.
"""

import json
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import redis

from cluster.replay.buffer import Replay, ReplaySpec
from cluster.replay.server import RedisServer

_BATCH = 64


def _rate(call: Callable[[], object], calls: int, repeats: int, server: RedisServer) -> tuple[float, float]:
    """Canvases/s of the fastest of several repeats, as the others measure what else the machine did, and canvases per
    second of the server's own CPU time: where one Redis saturates, however many ask it."""
    call()
    seconds = []
    with redis.Redis.from_url(server.url) as client:
        before = _cpu_seconds(client)
        for _ in range(repeats):
            start = time.perf_counter()
            for _ in range(calls):
                call()
            seconds.append(time.perf_counter() - start)
        spent = _cpu_seconds(client) - before
    return calls * _BATCH / min(seconds), repeats * calls * _BATCH / max(spent, 1e-6)


def _cpu_seconds(client: Any) -> float:
    usage = client.info("cpu")
    return float(usage["used_cpu_user"]) + float(usage["used_cpu_sys"])


def bench(calls: int = 100, repeats: int = 3) -> list[dict[str, str | float]]:
    """Push and sample rates on a Redis of its own, batches of 64, as rows of `figure`, `value` and `unit`.

    Each rate is the best of `repeats` measurements of `calls` batches, beside that of the server's CPU time alone.
    """
    rows: list[dict[str, str | float]] = []
    rng = np.random.default_rng(0)
    with RedisServer() as server:
        for shape in ((64, 64, 3), (64, 64, 1), (32, 32, 1)):
            replay = Replay(ReplaySpec(server.url, "bench", shape))
            batch = rng.integers(0, 256, (_BATCH, *shape), dtype=np.uint8)
            for _ in range(replay.spec.capacity // _BATCH):
                replay.push(batch)
            name = "x".join(str(side) for side in shape)
            verbs: dict[str, Callable[[], object]] = {
                "push": lambda replay=replay, batch=batch: replay.push(batch),  # type: ignore[misc]
                "sample": lambda replay=replay: replay.sample(_BATCH, rng),  # type: ignore[misc]
            }
            for verb, call in verbs.items():
                rate, of_server = _rate(call, calls, repeats, server)
                rows.append({"figure": f"replay {verb} {name}", "value": round(rate), "unit": "canvases/s"})
                unit = "canvases/CPU-s of Redis"
                rows.append({"figure": f"replay {verb} {name}, server", "value": round(of_server), "unit": unit})
            replay.clear()
            replay.close()
    return rows


if __name__ == "__main__":
    for row in bench():
        print(json.dumps(row))
