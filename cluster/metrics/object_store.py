"""The fill of Ray's object store on the driver's node, as a metric."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import ray
from ray._private.internal_api import node_stats

SECONDS_BETWEEN_QUESTIONS = 10.0
#: A question may take this share of the thread's time: one that takes long is asked the more seldom.
SHARE_OF_TIME = 0.1


class ObjectStoreMeter:
    """Asks this node's raylet now and then, in a daemon thread.

    A question costs some milliseconds, but 30 seconds if a worker of the node is stopped: the raylet asks all of them.

    Attributes:
        fill: Share of the object store's memory that is in use, in [0, 1] (above if it spilled); None before the first
            answer, and if the raylet gives none.
    """

    def __init__(self, ask: Callable[[], float | None] | None = None) -> None:
        """Start asking.

        Args:
            ask: Returns the share; None asks the raylet of this process's node.
        """
        self.fill: float | None = None
        self.ask = ask or question_to_raylet()
        self.ended = threading.Event()
        threading.Thread(target=self.follow, name="object-store-meter", daemon=True).start()

    def follow(self) -> None:
        """Ask until `close` is called; the thread's work."""
        pause = 0.0
        while not self.ended.wait(pause):
            begin = time.monotonic()
            try:
                self.fill = self.ask()
            except Exception:  # gRPC's errors are many; a missing gauge must not end a training
                self.fill = None
            pause = max(SECONDS_BETWEEN_QUESTIONS, (time.monotonic() - begin) / SHARE_OF_TIME)

    def close(self) -> None:
        """Ask no more. Does not wait for an answer that is still to come."""
        self.ended.set()


def question_to_raylet() -> Callable[[], float | None]:
    """Return a function that asks this node's raylet, found now: asked after its end, Ray would start another."""
    here = ray.get_runtime_context().get_node_id()
    node = next((node for node in ray.nodes() if node["NodeID"] == here), None)  # type: ignore[no-untyped-call]

    def ask() -> float | None:
        if node is None:
            return None
        address = node["NodeManagerAddress"], node["NodeManagerPort"]
        store = node_stats(*address, include_memory_info=False).store_stats  # type: ignore[no-untyped-call]
        return float(store.object_store_bytes_used / max(1, store.object_store_bytes_avail))

    return ask
