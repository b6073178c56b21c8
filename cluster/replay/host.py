"""Driver-side host of the shared replay: a Redis of the run's own, kept alive, or a ring in a shared one."""

from __future__ import annotations

import contextlib
import os
import uuid
from collections.abc import Iterator

import ray

from cluster.replay.buffer import Replay, ReplaySpec, ReplayUnavailable
from cluster.replay.server import RedisServer


class ReplayHost:
    """Makes a run's ring, and removes it again.

    Attributes:
        spec: Handle of the ring; actors and learners get it with their configuration.
        replay: The driver's connection to it.
        restarts: Number of times that the run's own Redis was started again.
    """

    def __init__(self, url: str, shape: tuple[int, ...], capacity: int, spec: ReplaySpec | None = None) -> None:
        """Make a ring, or use an existing one.

        Args:
            url: Redis in which the ring is made; if empty, $IMPASTO_REDIS, else a server started here.
            shape: Of a uint8 record.
            capacity: Records in the ring.
            spec: Use this existing ring instead; its owner removes it.

        Raises:
            ReplayUnavailable: The shared Redis can not be reached, or a server can not be started here.
            ValueError: The URL is not a Redis address, or other nodes could not reach a server started here.
        """
        self.server: RedisServer | None = None
        self.made = spec is None
        self.restarts = 0
        if spec is None:
            url = url or os.environ.get("IMPASTO_REDIS", "")
            if not url:
                nodes = sum(node["Alive"] for node in ray.nodes())  # type: ignore[no-untyped-call]
                if nodes > 1:
                    raise ValueError(
                        f"redis: this Ray cluster has {nodes} nodes, and a Redis started here answers only one; "
                        "give --redis the URL of one that all reach"
                    )
                with redis_errors():
                    self.server = RedisServer().start()
                url = self.server.url
            spec = ReplaySpec(url, uuid.uuid4().hex, shape, capacity)
        self.spec = spec
        self.replay = Replay(spec)
        try:
            self.replay.check()
        except BaseException:
            self.made = False  # nothing was
            self.close()
            raise

    def keep_alive(self) -> None:
        """Start the run's own Redis again if it died; its contents are lost, and the waiting actors fill it again.

        Raises:
            ReplayUnavailable: It does not start.
        """
        if self.server is not None and not self.server.alive:
            with redis_errors():
                self.server.restart()
            self.restarts += 1

    def close(self) -> None:
        """Stop the run's own Redis, or remove the ring from a shared one if that answers. Actors must be gone."""
        if self.server is not None:
            self.server.stop()
        elif self.made:
            with contextlib.suppress(ReplayUnavailable):
                self.replay.clear()
        self.replay.close()


@contextlib.contextmanager
def redis_errors() -> Iterator[None]:
    """Raise `ReplayUnavailable` for a server that does not start."""
    try:
        yield
    except RuntimeError as error:
        raise ReplayUnavailable(str(error)) from error
