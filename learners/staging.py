"""Batches on their way from host memory to a learner's device, while the batch before is learned from."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from envs.spec import ActionSpec
from learners.trajectory import Trajectory
from learners.trajectory_tensors import TrajectoryTensors

#: Arrays begin at multiples of this many bytes of a buffer, so that each can be seen as any dtype.
ALIGNMENT = 64


class PinnedRing:
    """Two buffers of pinned memory, taken in turn: one is filled while the device reads the other.

    The host may write into a buffer again when the copies out of it have ended; with two buffers it hardly ever waits.
    Memory that is not pinned can not be copied beside computing: CUDA copies it to a pinned buffer of its own first.

    Args:
        device: copied to.
        pinned: whether to pin the buffers; only for a test without a GPU is it False.
    """

    def __init__(self, device: torch.device, *, pinned: bool = True) -> None:
        self.device = device
        self.pinned = pinned
        self.buffers = [torch.empty(0, dtype=torch.uint8), torch.empty(0, dtype=torch.uint8)]
        self.copied: list[Any] = [None, None]
        self.place = self.used = 0

    def begin(self) -> None:
        """Turn to the other buffer, when the copies out of it have ended."""
        self.place, self.used = 1 - self.place, 0
        if self.copied[self.place] is not None:
            self.copied[self.place].synchronize()

    def move(self, array: NDArray[np.generic]) -> Tensor:
        """Copy an array to the device, by way of the present buffer."""
        start = -self.used % ALIGNMENT + self.used
        end = self.used = start + array.nbytes
        if end > len(self.buffers[self.place]):
            # Copies out of the old buffer may still go on: torch keeps pinned memory until they have ended.
            self.buffers[self.place] = torch.empty(2 * end, dtype=torch.uint8, pin_memory=self.pinned)
            start, self.used = 0, array.nbytes
        part = self.buffers[self.place][start : start + array.nbytes]
        host = part.view(torch.from_numpy(np.empty(0, array.dtype)).dtype).view(array.shape)
        np.copyto(host.numpy(), array)
        return host.to(self.device, non_blocking=self.pinned)

    def end(self) -> None:
        """Note that all of the batch is on its way."""
        if self.pinned:
            self.copied[self.place] = torch.cuda.current_stream(self.device).record_event()


class Staging:
    """The next batch: fetched, joined and copied in a thread of its own, on a GPU by a stream of its own.

    Args:
        device: of the learner.
        spec: of the actions.

    Attributes:
        ring: buffers of the copies; None on a CPU, which learns from the arrays themselves.
    """

    def __init__(self, device: torch.device, spec: ActionSpec | None = None) -> None:
        self.device = device
        self.spec = spec
        self.thread = ThreadPoolExecutor(1)
        self.ring = PinnedRing(device) if device.type == "cuda" else None
        self.stream = torch.cuda.Stream(device) if device.type == "cuda" else None  # type: ignore[no-untyped-call]
        self.coming: tuple[Any, Future[tuple[Trajectory, TrajectoryTensors]]] | None = None

    def begin(self, key: Any, fetch: Callable[[], Trajectory]) -> None:
        """Begin with a batch that will be asked for by `key`; `fetch` runs in the thread."""
        self.coming = (key, self.thread.submit(self.stage, fetch))

    def take(self, key: Any, fetch: Callable[[], Trajectory]) -> tuple[Trajectory, TrajectoryTensors]:
        """Return the batch of `key`, which `begin` has begun with, or which is fetched now.

        Raises:
            Exception: whatever `fetch` raised.
        """
        coming, self.coming = self.coming, None
        if coming is None or coming[0] != key:
            coming = (key, self.thread.submit(self.stage, fetch))
        trajectory, tensors = coming[1].result()
        if self.stream is not None:
            # Work of the learner's stream begins after the copies; the memory is not reused before that work has ended.
            present = torch.cuda.current_stream(self.device)
            present.wait_stream(self.stream)
            for tensor in tensors.all():
                tensor.record_stream(present)
        return trajectory, tensors

    def stage(self, fetch: Callable[[], Trajectory]) -> tuple[Trajectory, TrajectoryTensors]:
        """Fetch a batch and copy it."""
        trajectory = fetch()
        if self.ring is None or self.stream is None:
            return trajectory, TrajectoryTensors.of(trajectory, self.device, spec=self.spec)
        with torch.cuda.stream(self.stream):
            self.ring.begin()
            tensors = TrajectoryTensors.of(trajectory, self.device, self.ring.move, self.spec)
            self.ring.end()
        return trajectory, tensors
