"""Handle of a ring of the shared replay: its address, name, shape, and the header that tells rings apart."""

import struct
from dataclasses import dataclass, field

_HEADER = struct.Struct("<4sIIIII")
_MAGIC = b"IMPR"
_VERSION = 2


@dataclass(frozen=True)
class ReplaySpec:
    """A small, picklable handle that travels to actors and learners.

    Attributes:
        url: `redis://[:PASSWORD@]HOST:PORT/DB`, or `rediss://` for TLS (`?ssl_ca_certs=FILE`, redis-py's options).
        run_id: Namespace of the run's keys. Runs with different ids share one Redis without mixing.
        shape: (H, W, C) of one canvas, or (bytes,) of one block.
        capacity: Slots in the ring. With more, older paintings stay among the fakes, which makes them smoother and
            staler; memory is capacity * H * W * C bytes.
        lifetime_s: Seconds after the last push when Redis drops the ring. More leaves it in place during a longer pause
            or outage of all actors; less frees the memory of a killed run earlier.

    Raises:
        ValueError: One line that names the field that is wrong.
    """

    url: str = field(repr=False)
    run_id: str
    shape: tuple[int, ...]
    capacity: int = 20 * 64
    lifetime_s: int = 24 * 3600

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
        """Compare with the header of a ring that has this run's id; returns the fault, to follow its name, or ""."""
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
