"""Which ring of the shared replay: its place, its name there, its shape, and the header that tells rings apart."""

import struct
from dataclasses import dataclass, field

_HEADER = struct.Struct("<4sIIIII")
_MAGIC = b"IMPR"
_VERSION = 2


@dataclass(frozen=True)
class ReplaySpec:
    """Which ring: a small, picklable handle that travels to actors and learners.

    Raises:
        ValueError: names the field that is wrong.
    """

    url: str = field(repr=False)
    """`redis://[:PASSWORD@]HOST:PORT/DB`, or `rediss://` for TLS (`?ssl_ca_certs=FILE`, redis-py's other options)."""
    run_id: str
    """Namespace of this run's keys. Runs with different ids share one Redis without mixing."""
    shape: tuple[int, ...]
    """(H, W, C) of one canvas, or (bytes,) of one block."""
    capacity: int = 20 * 64
    """Slots in the ring. Larger: older paintings stay among the fakes, smoother and staler; memory capacity*H*W*C."""
    lifetime_s: int = 24 * 3600
    """Seconds after the last push when Redis drops the ring. Larger: a longer pause, or outage of all actors, leaves it
    in place; smaller: what a killed run left takes memory for a shorter time."""

    def __post_init__(self) -> None:
        if not self.run_id:
            raise ValueError("run_id is empty: every run needs a name of its own in Redis")
        if not 1 <= len(self.shape) <= 3 or any(int(side) != side or side < 1 for side in self.shape):
            raise ValueError(f"shape must be one to three positive integers, (H, W, C) or (bytes,), got {self.shape}")
        if self.capacity < 1:
            raise ValueError(f"capacity must be at least 1, got {self.capacity}")
        if self.lifetime_s < 1:
            raise ValueError(f"lifetime_s must be at least 1, got {self.lifetime_s}")

    @property
    def header(self) -> bytes:
        """The 24 bytes that identify the ring's layout."""
        return _HEADER.pack(_MAGIC, _VERSION, *(*self.shape, 1, 1)[:3], self.capacity)

    def mismatch(self, header: bytes) -> str:
        """What is wrong with a ring that was found under this run's id, to follow its name; empty where it is ours."""
        if header == self.header:
            return ""
        if len(header) != _HEADER.size or header[:4] != _MAGIC:
            return "has a header that is not a replay's; choose another run id"
        _, version, *shape, capacity = _HEADER.unpack(header)
        shape = shape[: len(self.shape)] if set(shape[len(self.shape) :]) <= {1} else shape
        return (
            f"already has a replay of shape {tuple(shape)}, capacity {capacity}, format {version}, not "
            f"{tuple(self.shape)}, {self.capacity}, {_VERSION}: choose another run id or clear that one"
        )
