"""One Redis connection that knows how to wait: bounded, reported, and never showing the password."""

import time
from collections.abc import Callable
from typing import Any, TypeVar

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

T = TypeVar("T")

_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.05, 0.5


class ReplayUnavailable(RuntimeError):
    """Redis can not be reached, or refuses. One line with host and port, never the password."""


class RedisLink:
    """A redis-py client whose commands are repeated while Redis is away. Connects at the first command.

    Args:
        url: `redis://`, `rediss://` (TLS; redis-py's options such as `ssl_ca_certs` as query parameters) or `unix://`.
        timeout_s: seconds without Redis after which a call raises ReplayUnavailable; also the socket timeout.
        wait: keep waiting past `timeout_s` until Redis returns, and then go on.
        on_wait: called with the seconds waited so far, about twice a second, while Redis is away.
        should_stop: asked as often; True ends the wait with ReplayUnavailable.
        max_wait_s: the longest wait with `wait=True`; None waits for ever (then give `should_stop`).

    Raises:
        ValueError: url is not a Redis address.
    """

    def __init__(
        self,
        url: str,
        *,
        timeout_s: float,
        wait: bool,
        on_wait: Callable[[float], None] | None,
        should_stop: Callable[[], bool] | None,
        max_wait_s: float | None,
    ) -> None:
        self._limit_s = (float("inf") if max_wait_s is None else max_wait_s) if wait else timeout_s
        self._on_wait = on_wait
        self._should_stop = should_stop
        try:
            pool = redis.ConnectionPool.from_url(
                url,
                socket_timeout=timeout_s,
                socket_connect_timeout=timeout_s,
                retry=Retry(NoBackoff(), 0),  # waiting is ours: bounded and reported
                socket_read_size=1 << 20,  # a batch is read in one or two calls instead of a dozen
            )
        except (ValueError, TypeError):  # their text can hold pieces of the password
            raise ValueError("redis: expected an address redis://[:PASSWORD@]HOST:PORT/DB or rediss://...") from None
        where = pool.connection_kwargs
        self.address = str(where.get("path") or f"{where.get('host', 'localhost')}:{where.get('port', 6379)}")
        self.client: Any = redis.Redis(connection_pool=pool)

    def close(self) -> None:
        """Close the connections."""
        self.client.close()
        self.client.connection_pool.disconnect()

    def call(self, attempt: Callable[[], T]) -> T:
        """Run `attempt`, again from its start while Redis is away, within the limits given to the constructor.

        Raises:
            ReplayUnavailable: Redis stayed away for too long, a stop was asked for, or Redis refuses.
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
            if waited >= self._limit_s:
                raise ReplayUnavailable(f"no Redis at {self.address} for {waited:.1f} s: {lost}")
            if self._on_wait is not None:
                self._on_wait(waited)
            if self._should_stop is not None and self._should_stop():
                raise ReplayUnavailable(f"stopped waiting for Redis at {self.address} after {waited:.1f} s")
            time.sleep(min(pause, max(self._limit_s - waited, 0.0)))
            pause = min(2 * pause, _LONGEST_PAUSE_S)
