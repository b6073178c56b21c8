"""The driver's end of the shared replay: a Redis of the run's own, kept alive, or a guest's place in a shared one."""

from __future__ import annotations

import contextlib
import os
import uuid
from collections.abc import Iterator

import ray

from cluster.replay.buffer import Replay, ReplaySpec, ReplayUnavailable
from cluster.replay.server import RedisServer


class ReplayHost:
    """Gives a run its replay, and takes it away again.

    Attributes:
        spec: which ring; actors and learners get it with their configuration.
        replay: the driver's own end of it.
        restarts: how often our own Redis was started again.
    """

    def __init__(self, url: str, shape: tuple[int, ...], capacity: int, spec: ReplaySpec | None = None) -> None:
        """With ``spec``, a ring that its owner cares for is used; else one of ``capacity`` records uint8 ``shape`` is
        made in the Redis at ``url``; where that is empty, at $IMPASTO_REDIS; without it, in a new Redis.

        Raises:
            ReplayUnavailable: the shared Redis can not be reached, or our own can not be started.
            ValueError: the URL is not a Redis address.
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
        """Start our own Redis again if it died; what was in it is lost, and the actors, who wait, fill it again.

        Raises:
            ReplayUnavailable: it does not start.
        """
        if self.server is not None and not self.server.alive:
            with redis_errors():
                self.server.restart()
            self.restarts += 1

    def close(self) -> None:
        """Stop our own Redis; take our ring out of a shared one, if that still answers. Actors must be gone."""
        if self.server is not None:
            self.server.stop()
        elif self.made:
            with contextlib.suppress(ReplayUnavailable):
                self.replay.clear()
        self.replay.close()


@contextlib.contextmanager
def redis_errors() -> Iterator[None]:
    """A server that does not start is a replay that is not available."""
    try:
        yield
    except RuntimeError as error:
        raise ReplayUnavailable(str(error)) from error
