"""The driver's end of a learner group: orders go out, results come back, never more on the way than can be carried."""

from __future__ import annotations

import time
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Any

from ray.exceptions import RayActorError, RayTaskError
from ray.rllib.core.learner.learner_group import LearnerGroup
from ray.rllib.core.learner.training_data import TrainingData
from ray.rllib.policy.sample_batch import MultiAgentBatch


class LearnerDied(RuntimeError):
    """A learner process is gone; its group answers nothing more. Go on from the last checkpoint."""


class LearnerLink:
    """Submits updates to a learner group without waiting for them, local or remote alike.

    A thread of its own calls the group. For a local group (no processes) that thread computes: torch leaves Python's
    lock while it does, so both local learners and the driver's bookkeeping share the machine's cores. For a remote
    group it waits. RLlib's own asynchronous updates silently drop what exceeds their capacity; this does not.

    Attributes:
        capacity: updates that may be outstanding.
        seconds: wall seconds that the thread spent in updates since it was last read and reset by its owner.
    """

    def __init__(self, group: LearnerGroup, capacity: int = 2, batches_per_learner: int = 1) -> None:
        self.group = group
        self.capacity = capacity
        self.batches_per_learner = batches_per_learner
        self.seconds = 0.0
        self.thread = ThreadPoolExecutor(1)
        self.futures: deque[Future[dict[str, Any]]] = deque()

    @property
    def width(self) -> int:
        """Batches that one update takes."""
        return max(1, len(self.group)) * self.batches_per_learner

    @property
    def outstanding(self) -> int:
        """Updates submitted whose results were not collected yet."""
        return len(self.futures)

    @property
    def has_room(self) -> bool:
        """Whether another update may be submitted."""
        return self.outstanding < self.capacity

    def wait_for_room(self, timeout: float) -> None:
        """Wait until the oldest update has ended, at most ``timeout`` seconds, if there is no room."""
        if not self.has_room:
            self.wait_for_result(timeout)

    def wait_for_result(self, timeout: float) -> None:
        """Wait until the oldest update on its way has ended, at most ``timeout`` seconds."""
        if self.futures:
            wait([self.futures[0]], timeout)

    def submit(self, references: list[Any], **order: Any) -> None:
        """Order one update.

        Args:
            references: ``width`` object references, or empty: the learners find their data themselves.
            order: keywords of the learners' ``work``.
        """
        data = (
            TrainingData(batch_refs=references)
            if references
            else TrainingData(batches=[MultiAgentBatch({}, 0)] * max(1, len(self.group)))
        )
        self.futures.append(self.thread.submit(self.update, data, order))

    def update(self, data: TrainingData, order: dict[str, Any]) -> dict[str, Any]:
        """One update; runs in the thread. Returns the first learner's result."""
        start = time.perf_counter()
        try:
            results = self.group.update(training_data=data, defer_solve_refs_to_learner=True, **order)
        except RayActorError as error:
            raise LearnerDied(f"a learner process died: {str(error).splitlines()[0]}") from error
        except RayTaskError as error:  # its text is a page; what was raised in the process is inside
            raise error.cause from error
        self.seconds += time.perf_counter() - start
        if not results:
            raise LearnerDied("a learner process died earlier")
        result: dict[str, Any] = results[0]
        return result

    def results(self, wait: bool = False) -> list[dict[str, Any]]:
        """Results that are ready, in order; ``wait`` waits for one if none is ready and any is outstanding.

        Raises:
            LearnerDied: a learner process is gone.
            NonFiniteLoss: an update's loss was not finite.
        """
        found: list[dict[str, Any]] = []
        while self.futures and (self.futures[0].done() or (wait and not found)):
            found.append(self.futures.popleft().result())
        return found

    def close(self) -> None:
        """Forget what was not begun, wait for what was."""
        self.thread.shutdown(wait=True, cancel_futures=True)
