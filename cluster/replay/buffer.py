"""Shared replay: a ring of byte records in Redis that actors push to and learners sample from.

A record is a final canvas (the painter's discriminator samples those) or a block of transitions (see
`cluster/transition_replay.py`). Layout in Redis, under the prefix `impasto:RUN_ID:`, nothing pickled:
    header       24 bytes, little-endian: magic `IMPR`, version, H, W, C (1 where a record has fewer sides), capacity
    total        decimal: canvases pushed so far; canvas number k lies in slot k % capacity
    canvases     hash: slot -> H*W*C raw bytes

A slot is one value, so it is written and read whole: a sampled canvas is never a mixture of two. A push first takes its
slots with INCRBY and then fills them with one HSET, so two actors never share a slot by accident; a slot that was taken
but is not filled yet reads as nil and is drawn again. Measured against the other ways to do it (one long string with
SETRANGE and GETRANGE, a Lua script, a key per canvas): figures and command are in `cluster/bench/replay.py`. A key per
canvas is as fast, but a hash is one key to put an expiry on: each push gives the ring another `lifetime_s`, so that
what a killed run left in a shared Redis does not lie there for ever.
"""

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from cluster.replay.connection import RedisLink, ReplayUnavailable
from cluster.replay.spec import ReplaySpec

__all__ = ["Canvases", "Replay", "ReplayEmpty", "ReplaySpec", "ReplayUnavailable"]

Canvases = npt.NDArray[np.uint8]

_LOAD_CHUNK = 256  # canvases in one HSET of `load`
_DRAWS = 4  # attempts at drawing filled slots only, before asking Redis which ones are filled


class ReplayEmpty(LookupError):
    """Nothing to sample: no canvas was pushed yet, or Redis came back without its contents."""


class Replay:
    """A ring of the last `capacity` final canvases, shared through Redis. Connects at the first command.

    Args:
        spec: which ring.
        timeout_s: seconds without Redis after which a command raises ReplayUnavailable; also the socket timeout.
        wait: keep waiting past `timeout_s` until Redis returns, and then go on. Actors use this.
        on_wait, should_stop, max_wait_s: what to do during a wait, and what ends it: see RedisLink.

    Every method raises ReplayUnavailable when Redis is gone for too long or refuses, and ValueError when the ring under
    this run_id was made with another shape or capacity.
    """

    def __init__(
        self,
        spec: ReplaySpec,
        *,
        timeout_s: float = 5.0,
        wait: bool = False,
        on_wait: Callable[[float], None] | None = None,
        should_stop: Callable[[], bool] | None = None,
        max_wait_s: float | None = None,
    ) -> None:
        self.spec = spec
        self._prefix = f"impasto:{spec.run_id}:"
        self._canvases = self._prefix + "canvases"
        self._keys = (self._prefix + "header", self._prefix + "total", self._canvases)
        self._canvas_bytes = int(np.prod(spec.shape))
        self._checked = False
        self._known_fill = 0
        self._link = RedisLink(
            spec.url,
            timeout_s=timeout_s,
            wait=wait,
            on_wait=on_wait,
            should_stop=should_stop,
            max_wait_s=max_wait_s,
        )
        self.address = self._link.address
        self._redis = self._link.client

    def close(self) -> None:
        """Close the connections; the ring stays in Redis."""
        self._link.close()

    def check(self) -> None:
        """Make sure that Redis answers and that the ring, if there is one, has this spec's shape and capacity."""
        self._link.call(self._check)

    def push(self, canvases: Canvases) -> int:
        """Add a batch, overwriting the oldest canvases once the ring is full.

        A push that Redis's death interrupted is made again as a whole, so a batch may be in the ring twice, never half.

        Args:
            canvases: uint8 [B, H, W, C], B >= 1; of more than `capacity` canvases only the last are stored.

        Returns:
            Canvases pushed so far by everyone, this batch included.

        Raises:
            ValueError: canvases has another dtype or shape.
        """
        batch = self._validated(canvases)
        if not len(batch):
            raise ValueError("canvases is empty: push at least one canvas")
        return self._link.call(lambda: self._push(batch))

    def sample(self, n: int, rng: np.random.Generator) -> Canvases:
        """Draw `n` canvases uniformly, with replacement, from what is filled.

        Returns:
            uint8 [n, H, W, C], writable and owned by the caller.

        Raises:
            ReplayEmpty: nothing was pushed yet.
            ValueError: n < 1.
        """
        if n < 1:
            raise ValueError(f"n must be at least 1, got {n}")
        return self._link.call(lambda: self._sample(n, rng))

    def read(self, numbers: Sequence[int]) -> list[bytes | None]:
        """The records with these numbers, counted from the first ever pushed, in one round trip.

        A record that was taken but is not written yet reads as None, or, once the ring is full, as the one that it will
        replace: whoever must know puts something into the record to tell.
        """
        slots = [number % self.spec.capacity for number in numbers]
        return self._link.call(lambda: list(self._redis.hmget(self._canvases, slots))) if slots else []

    def __len__(self) -> int:
        """Canvases in the ring, 0 to capacity. One round trip: test `replay is None`, not `if replay`."""
        return min(self.total, self.spec.capacity)

    @property
    def fill(self) -> float:
        """Share of the ring that is filled, 0 to 1. One round trip."""
        return len(self) / self.spec.capacity

    @property
    def total(self) -> int:
        """Canvases pushed so far. One round trip."""
        return self._link.call(lambda: int(self._redis.get(self._prefix + "total") or 0))

    def dump(self) -> tuple[Canvases, int]:
        """The whole ring for a checkpoint: uint8 [len, H, W, C] in slot order, and `total`.

        A slot that an actor has taken but not filled at this moment gets a copy of another canvas.
        """
        return self._link.call(self._dump)

    def empty(self) -> tuple[Canvases, int]:
        """What :meth:`dump` returns of an empty ring. Redis is not asked."""
        return np.empty((0, *self.spec.shape), np.uint8), 0

    def load(self, canvases: Canvases, total: int) -> None:
        """Replace the ring's contents with what `dump` returned, so that sampling and overwriting go on from there.

        Raises:
            ValueError: canvases has another dtype or shape, or its length does not belong to `total`.
        """
        batch = self._validated(canvases)
        if len(batch) != min(total, self.spec.capacity):
            raise ValueError(
                f"canvases must hold {min(total, self.spec.capacity)} canvases for total {total} "
                f"and capacity {self.spec.capacity}, got {len(batch)}"
            )
        self._link.call(lambda: self._load(batch, total))

    def clear(self) -> None:
        """Delete this run's ring, whatever its shape; other runs in the same Redis are not touched."""
        self._link.call(self._clear)

    # -- one attempt each; the link repeats them while Redis is away --

    def _check(self) -> None:
        header = self._redis.get(self._prefix + "header")
        if header is not None:
            self._compare(header)
        self._checked = True

    def _push(self, batch: Canvases) -> int:
        if not self._checked:  # before any slot is taken from a ring that is not ours
            self._check()
        # The header goes along every time: a Redis that came back empty gets its ring again here.
        pipe = self._redis.pipeline(transaction=True)
        pipe.set(self._prefix + "header", self.spec.header, nx=True)
        pipe.get(self._prefix + "header")
        pipe.incrby(self._prefix + "total", len(batch))
        _, header, total = pipe.execute()
        self._compare(header)
        stored = batch[-self.spec.capacity :]
        pipe.hset(self._canvases, mapping=self._values(stored, total - len(stored)))
        for key in self._keys:
            pipe.expire(key, self.spec.lifetime_s)
        pipe.execute()
        return int(total)

    def _sample(self, n: int, rng: np.random.Generator) -> Canvases:
        if not self._checked:
            self._check()
        if self._known_fill < self.spec.capacity:  # a full ring stays full: then one round trip does
            self._count()
        drawn: list[bytes] = []
        for _ in range(_DRAWS):
            if not self._known_fill:
                break
            drawn += self._read(rng.integers(0, self._known_fill, n - len(drawn)))
            if len(drawn) == n:
                return self._stack(drawn)
            self._count()  # empty slots: the ring is younger than we thought, or a writer is between its two commands
        # Many slots are taken but not filled (a writer died there, or Redis evicts): draw from those that are.
        filled = np.array([int(slot) for slot in self._redis.hkeys(self._canvases)], np.int64)
        filled = filled[filled < self._known_fill]
        drawn = self._read(rng.choice(filled, n)) if len(filled) else []
        if len(drawn) < n:
            raise ReplayEmpty(f"the replay of run {self.spec.run_id} at {self.address} is empty: push before sampling")
        return self._stack(drawn)

    def _dump(self) -> tuple[Canvases, int]:
        self._check()
        pipe = self._redis.pipeline(transaction=True)
        pipe.get(self._prefix + "total")
        pipe.hmget(self._canvases, range(self.spec.capacity))
        total_text, slots = pipe.execute()
        total = int(total_text or 0)
        fill = min(total, self.spec.capacity)
        canvases = [value for value in slots[:fill] if value is not None]
        if not canvases:
            return self.empty()
        spare = canvases[0]
        return self._stack([spare if value is None else value for value in slots[:fill]]), total

    def _load(self, batch: Canvases, total: int) -> None:
        self._check()
        pipe = self._redis.pipeline(transaction=True)
        pipe.delete(self._canvases)
        pipe.set(self._prefix + "header", self.spec.header)
        pipe.set(self._prefix + "total", total)
        for start in range(0, len(batch), _LOAD_CHUNK):
            pipe.hset(self._canvases, mapping=self._values(batch[start : start + _LOAD_CHUNK], start))
        for key in self._keys:
            pipe.expire(key, self.spec.lifetime_s)
        pipe.execute()
        self._known_fill = len(batch)

    def _clear(self) -> None:
        self._redis.delete(*self._keys)
        self._known_fill = 0

    # -- helpers --

    def _values(self, batch: Canvases, first: int) -> dict[int, memoryview]:
        """Slot and bytes of each canvas of a batch whose first canvas has number `first`; no copy is made."""
        flat = batch.reshape(len(batch), -1)
        return {(first + i) % self.spec.capacity: row.data for i, row in enumerate(flat)}

    def _read(self, slots: npt.NDArray[np.int64]) -> list[bytes]:
        """The filled ones among `slots`, each whole."""
        answer = self._redis.hmget(self._canvases, slots.tolist())
        values = [value for value in answer if value is not None]
        if any(len(value) != self._canvas_bytes for value in values):
            self._check()
            raise ValueError(f"run {self.spec.run_id} at {self.address} holds values that are not canvases")
        return values

    def _stack(self, values: list[bytes]) -> Canvases:
        return np.frombuffer(bytearray().join(values), np.uint8).reshape(-1, *self.spec.shape)

    def _count(self) -> None:
        self._known_fill = min(int(self._redis.get(self._prefix + "total") or 0), self.spec.capacity)

    def _validated(self, canvases: Canvases) -> Canvases:
        dtype, shape = getattr(canvases, "dtype", type(canvases).__name__), getattr(canvases, "shape", ())
        if dtype != np.uint8 or len(shape) != 1 + len(self.spec.shape) or tuple(shape[1:]) != tuple(self.spec.shape):
            wanted = ", ".join(str(side) for side in self.spec.shape)
            raise ValueError(f"canvases must be uint8 [B, {wanted}], got {dtype} {list(shape)}")
        return np.ascontiguousarray(canvases)

    def _compare(self, header: bytes) -> None:
        if mismatch := self.spec.mismatch(header):
            raise ValueError(f"run {self.spec.run_id} at {self.address} {mismatch}")
