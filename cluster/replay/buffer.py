"""Shared replay: a ring of byte records in Redis that actors push to and learners sample from.

A record is a final canvas, with the target beside it if there is one (the painter's discriminator samples those), or a
block of transitions (see `cluster/replay/transitions.py`). Layout in Redis, under the prefix `impasto:RUN_ID:`:
    header       24 bytes, little-endian: magic `IMPR`, version, three sides (1 if a record has fewer), capacity
    total        decimal: records pushed so far; record number k lies in slot k % capacity
    records      hash: slot -> the record's bytes

A slot is one value, so it is written and read whole: a sampled record is never a mixture of two. A push first reserves
its slots with INCRBY and then fills them with one HSET, so two actors never share a slot by accident; a slot that is
reserved but not filled yet reads as nil and is drawn again. Other layouts were measured too (one long string with
SETRANGE and GETRANGE, a Lua script, a key per record); figures and command are in `cluster/bench/replay.py`. A key per
record is as fast, but a hash is one key to put an expiry on: each push gives the ring another `lifetime_s`, so that
the ring of a killed run does not stay in a shared Redis for ever.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from cluster.replay.connection import RedisConnection, ReplayUnavailable
from cluster.replay.spec import ReplaySpec

__all__ = ["Records", "Replay", "ReplayEmpty", "ReplaySpec", "ReplayUnavailable"]

Records = npt.NDArray[np.uint8]

_LOAD_CHUNK = 256  # records in one HSET of `load`
_DRAWS = 4  # attempts at drawing filled slots only, before asking Redis which ones are filled


class ReplayEmpty(LookupError):
    """Nothing to sample: no record was pushed yet, or Redis came back without its contents."""


class Replay:
    """A ring of the last `capacity` records, shared through Redis. Connects at the first command.

    Every method raises ReplayUnavailable if Redis is gone for too long or refuses, and ValueError if the ring under
    this run_id was made with another shape or capacity.

    Args:
        spec: Handle of the ring.
        timeout_s: Socket timeout in seconds.
        wait_s: Seconds to wait for a Redis that is away; `timeout_s` if None.
    """

    def __init__(self, spec: ReplaySpec, *, timeout_s: float = 5.0, wait_s: float | None = None) -> None:
        self.spec = spec
        self._prefix = f"impasto:{spec.run_id}:"
        self._records = self._prefix + "records"
        self._keys = (self._prefix + "header", self._prefix + "total", self._records)
        self._record_bytes = int(np.prod(spec.shape))
        self._checked = False
        self._known_fill = 0
        self._connection = RedisConnection(
            spec.url, timeout_s=timeout_s, wait_s=timeout_s if wait_s is None else wait_s
        )
        self.address = self._connection.address
        self._redis = self._connection.client

    def close(self) -> None:
        """Close the connections; the ring stays in Redis."""
        self._connection.close()

    def check(self) -> None:
        """Make sure that Redis answers and that the ring, if there is one, has this spec's shape and capacity."""
        self._connection.call(self._check)

    def push(self, records: Records) -> int:
        """Add a batch, overwriting the oldest records once the ring is full.

        A push that Redis's death interrupted is made again as a whole, so a batch may be in the ring twice, never half.

        Args:
            records: uint8 [B, H, W, C], B >= 1; of more than `capacity` records only the last are stored.

        Returns:
            Records pushed so far by everyone, this batch included.

        Raises:
            ValueError: records has another dtype or shape.
        """
        batch = self._validated(records)
        if not len(batch):
            raise ValueError("records is empty: push at least one record")
        return self._connection.call(lambda: self._push(batch))

    def sample(self, n: int, rng: np.random.Generator) -> Records:
        """Draw `n` records uniformly, with replacement, from what is filled.

        Returns:
            uint8 [n, H, W, C], writable and owned by the caller.

        Raises:
            ReplayEmpty: nothing was pushed yet.
            ValueError: n < 1.
        """
        if n < 1:
            raise ValueError(f"n must be at least 1, got {n}")
        return self._connection.call(lambda: self._sample(n, rng))

    def read(self, numbers: Sequence[int]) -> list[bytes | None]:
        """Read the records with these numbers, counted from the first ever pushed, in one round trip.

        A reserved but unwritten slot reads as None, or as the record that it will overwrite once the ring is full;
        store an identifier in the record to tell the two apart.
        """
        slots = [number % self.spec.capacity for number in numbers]
        return self._connection.call(lambda: list(self._redis.hmget(self._records, slots))) if slots else []

    def __len__(self) -> int:
        """Count the records in the ring, 0 to capacity. One round trip: test `replay is None`, not `if replay`."""
        return min(self.total, self.spec.capacity)

    @property
    def fill(self) -> float:
        """Share of the ring that is filled, 0 to 1. One round trip."""
        return len(self) / self.spec.capacity

    @property
    def total(self) -> int:
        """Records pushed so far. One round trip."""
        return self._connection.call(lambda: int(self._redis.get(self._prefix + "total") or 0))

    def dump(self) -> tuple[Records, int]:
        """Return the whole ring for a checkpoint: uint8 [len, H, W, C] in slot order, and `total`.

        A slot that an actor has reserved but not filled at this moment gets a copy of another record.
        """
        return self._connection.call(self._dump)

    def empty(self) -> tuple[Records, int]:
        """Return an empty ring as `dump` would. Redis is not asked."""
        return np.empty((0, *self.spec.shape), np.uint8), 0

    def load(self, records: Records, total: int) -> None:
        """Replace the ring's contents by those that `dump` returned; sampling and overwriting go on from there.

        Raises:
            ValueError: records has another dtype or shape, or its length does not belong to `total`.
        """
        batch = self._validated(records)
        if len(batch) != min(total, self.spec.capacity):
            raise ValueError(
                f"expected {min(total, self.spec.capacity)} records for total {total} "
                f"and capacity {self.spec.capacity}, got {len(batch)}"
            )
        self._connection.call(lambda: self._load(batch, total))

    def clear(self) -> None:
        """Delete this run's ring, whatever its shape; other runs in the same Redis are not touched."""
        self._connection.call(self._clear)

    # -- one attempt each; the connection repeats them while Redis is away --

    def _check(self) -> None:
        header = self._redis.get(self._prefix + "header")
        if header is not None:
            self._compare(header)
        self._checked = True

    def _push(self, batch: Records) -> int:
        if not self._checked:  # before any slot is reserved in a ring that is not ours
            self._check()
        # The header goes along every time: a Redis that came back empty gets its ring again here.
        pipe = self._redis.pipeline(transaction=True)
        pipe.set(self._prefix + "header", self.spec.header, nx=True)
        pipe.get(self._prefix + "header")
        pipe.incrby(self._prefix + "total", len(batch))
        _, header, total = pipe.execute()
        self._compare(header)
        stored = batch[-self.spec.capacity :]
        pipe.hset(self._records, mapping=self._values(stored, total - len(stored)))
        for key in self._keys:
            pipe.expire(key, self.spec.lifetime_s)
        pipe.execute()
        return int(total)

    def _sample(self, n: int, rng: np.random.Generator) -> Records:
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
        # Many slots are reserved but not filled (a writer died there, or Redis evicts): draw from those that are.
        filled = np.array([int(slot) for slot in self._redis.hkeys(self._records)], np.int64)
        filled = filled[filled < self._known_fill]
        drawn = self._read(rng.choice(filled, n)) if len(filled) else []
        if len(drawn) < n:
            raise ReplayEmpty(f"the replay of run {self.spec.run_id} at {self.address} is empty: push before sampling")
        return self._stack(drawn)

    def _dump(self) -> tuple[Records, int]:
        self._check()
        pipe = self._redis.pipeline(transaction=True)
        pipe.get(self._prefix + "total")
        pipe.hmget(self._records, range(self.spec.capacity))
        total_text, slots = pipe.execute()
        total = int(total_text or 0)
        fill = min(total, self.spec.capacity)
        records = [value for value in slots[:fill] if value is not None]
        if not records:
            return self.empty()
        spare = records[0]
        return self._stack([spare if value is None else value for value in slots[:fill]]), total

    def _load(self, batch: Records, total: int) -> None:
        self._check()
        pipe = self._redis.pipeline(transaction=True)
        pipe.delete(self._records)
        pipe.set(self._prefix + "header", self.spec.header)
        pipe.set(self._prefix + "total", total)
        for start in range(0, len(batch), _LOAD_CHUNK):
            pipe.hset(self._records, mapping=self._values(batch[start : start + _LOAD_CHUNK], start))
        for key in self._keys:
            pipe.expire(key, self.spec.lifetime_s)
        pipe.execute()
        self._known_fill = len(batch)

    def _clear(self) -> None:
        self._redis.delete(*self._keys)
        self._known_fill = 0

    # -- helpers --

    def _values(self, batch: Records, first: int) -> dict[int, memoryview]:
        """Slot and bytes of each record of a batch whose first record has number `first`; no copy is made."""
        flat = batch.reshape(len(batch), -1)
        return {(first + i) % self.spec.capacity: row.data for i, row in enumerate(flat)}

    def _read(self, slots: npt.NDArray[np.int64]) -> list[bytes]:
        """The filled ones among `slots`, each whole."""
        answer = self._redis.hmget(self._records, slots.tolist())
        values = [value for value in answer if value is not None]
        if any(len(value) != self._record_bytes for value in values):
            self._check()
            raise ValueError(f"run {self.spec.run_id} at {self.address} holds values that are not records")
        return values

    def _stack(self, values: list[bytes]) -> Records:
        return np.frombuffer(bytearray().join(values), np.uint8).reshape(-1, *self.spec.shape)

    def _count(self) -> None:
        self._known_fill = min(int(self._redis.get(self._prefix + "total") or 0), self.spec.capacity)

    def _validated(self, records: Records) -> Records:
        dtype, shape = getattr(records, "dtype", type(records).__name__), getattr(records, "shape", ())
        if dtype != np.uint8 or len(shape) != 1 + len(self.spec.shape) or tuple(shape[1:]) != tuple(self.spec.shape):
            wanted = ", ".join(str(side) for side in self.spec.shape)
            raise ValueError(f"records must be uint8 [B, {wanted}], got {dtype} {list(shape)}")
        return np.ascontiguousarray(records)

    def _compare(self, header: bytes) -> None:
        if mismatch := self.spec.mismatch(header):
            raise ValueError(f"run {self.spec.run_id} at {self.address} {mismatch}")
