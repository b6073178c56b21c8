"""A Redis connection that waits for a server that is away: for a bounded time, and never showing the password."""

import time
from collections.abc import Callable
from typing import Any, TypeVar

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from cluster.errors import UserError

T = TypeVar("T")

_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.05, 0.5

#: Seconds that an actor waits for Redis: longer than a driver takes to start it again. Then the actor ends, and is
#: replaced.
ACTOR_WAIT_SECONDS = 300.0


class ReplayUnavailable(UserError, RuntimeError):
    """Redis can not be reached, or refuses: one line with host and port, never the password."""


class RedisConnection:
    """A redis-py client whose commands are repeated while Redis is away. Connects at the first command.

    Args:
        url: `redis://`, `rediss://` (TLS; redis-py's options such as `ssl_ca_certs` as query parameters) or `unix://`.
        timeout_s: Socket timeout in seconds.
        wait_s: Seconds to wait for a Redis that is away, before a call raises ReplayUnavailable.

    Raises:
        ValueError: url is not a Redis address.
    """

    def __init__(self, url: str, *, timeout_s: float, wait_s: float) -> None:
        self._wait_s = wait_s
        try:
            pool = redis.ConnectionPool.from_url(
                url,
                socket_timeout=timeout_s,
                socket_connect_timeout=timeout_s,
                retry=Retry(NoBackoff(), 0),  # `call` waits
                socket_read_size=1 << 20,  # a batch is read in one or two calls instead of a dozen
            )
            pool.make_connection()  # does not connect yet; options of the URL are looked at here
        except (ValueError, TypeError, AttributeError, redis.RedisError):  # their text can hold pieces of the password
            raise ValueError("redis: expected an address redis://[:PASSWORD@]HOST:PORT/DB or rediss://...") from None
        where = pool.connection_kwargs
        self.address = str(where.get("path") or f"{where.get('host', 'localhost')}:{where.get('port', 6379)}")
        self.client: Any = redis.Redis(connection_pool=pool)

    def close(self) -> None:
        """Close the connections."""
        self.client.close()
        self.client.connection_pool.disconnect()

    def call(self, attempt: Callable[[], T]) -> T:
        """Run `attempt`, again from its start while Redis is away.

        Raises:
            ReplayUnavailable: Redis stayed away for `wait_s` seconds, or refuses.
        """
        started = time.monotonic()
        pause = _FIRST_PAUSE_S
        while True:
            try:
                return attempt()
            except (redis.AuthenticationError, redis.exceptions.AuthorizationError):
                raise ReplayUnavailable(f"Redis at {self.address} refuses the user or password in the URL") from None
            except (redis.ConnectionError, redis.TimeoutError) as error:
                lost = str(error)
            except redis.ResponseError as error:
                raise ReplayUnavailable(f"Redis at {self.address} refuses: {error}") from None
            waited = time.monotonic() - started
            if waited >= self._wait_s:
                raise ReplayUnavailable(f"no Redis at {self.address} for {waited:.1f} s: {lost}")
            time.sleep(min(pause, max(self._wait_s - waited, 0.0)))
            pause = min(2 * pause, _LONGEST_PAUSE_S)
