"""The fill of Ray's object store on the driver's node, as a metric."""

from __future__ import annotations

import time

import ray
from ray._private.internal_api import node_stats

SECONDS_BETWEEN_LOOKS = 10.0


class ObjectStoreMeter:
    """A reading of this node's raylet, taken every ten seconds: a question costs some milliseconds.

    Attributes:
        fill: share of the object store's memory that is in use, in [0, 1], more if it spilled; None before the first
            answer, and if the raylet gives none.
    """

    def __init__(self) -> None:
        self.fill: float | None = None
        self._asked = -SECONDS_BETWEEN_LOOKS

    def look(self) -> float | None:
        """`fill`, after asking again if the last answer is old."""
        if time.monotonic() - self._asked < SECONDS_BETWEEN_LOOKS:
            return self.fill
        self._asked = time.monotonic()
        here = ray.get_runtime_context().get_node_id()
        node = next((node for node in ray.nodes() if node["NodeID"] == here), None)  # type: ignore[no-untyped-call]
        if node is None:
            return self.fill
        address = node["NodeManagerAddress"], node["NodeManagerPort"]
        try:
            stats = node_stats(*address, include_memory_info=False)  # type: ignore[no-untyped-call]
        except Exception:  # gRPC's errors are many; a missing gauge must not end a training
            self.fill = None
            return None
        store = stats.store_stats
        self.fill = store.object_store_bytes_used / max(1, store.object_store_bytes_avail)
        return self.fill
