"""Driver-side client of a learner group: asynchronous updates with a bounded number in flight."""

from __future__ import annotations

import time
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import wait as wait_for
from typing import Any

from ray.exceptions import RayActorError, RayTaskError
from ray.rllib.core.learner.learner_group import LearnerGroup
from ray.rllib.core.learner.training_data import TrainingData
from ray.rllib.policy.sample_batch import MultiAgentBatch


class LearnerDied(RuntimeError):
    """A learner process is gone and its group answers nothing more: go on from the last checkpoint."""


class LearnerClient:
    """Submits updates to a learner group without waiting for them, local or remote alike.

    A thread of its own calls the group. For a local group (no processes) that thread computes: torch leaves Python's
    lock while it does, so both local learners and the driver's bookkeeping share the machine's cores. For a remote
    group it waits. RLlib's own asynchronous updates silently drop what exceeds their capacity; this does not.

    Attributes:
        capacity: Maximum number of updates in flight.
        batches_per_update: Batches that one update takes, over all learners of the group.
        seconds: Wall seconds that the thread spent in updates since its owner last read and reset it.
    """

    def __init__(self, group: LearnerGroup, capacity: int = 2, batches_per_learner: int = 1) -> None:
        self.group = group
        self.capacity = capacity
        self.batches_per_update = max(1, len(group)) * batches_per_learner
        self.seconds = 0.0
        self.thread = ThreadPoolExecutor(1)
        self.futures: deque[Future[dict[str, Any]]] = deque()

    @property
    def in_flight(self) -> int:
        """Updates submitted whose results were not collected yet."""
        return len(self.futures)

    @property
    def has_room(self) -> bool:
        """True if another update may be submitted."""
        return self.in_flight < self.capacity

    def wait_for_room(self, timeout: float) -> None:
        """Wait until the oldest update has ended, at most `timeout` seconds, if there is no room."""
        if not self.has_room:
            self.wait_for_result(timeout)

    def wait_for_result(self, timeout: float) -> None:
        """Wait until the oldest update in flight has ended, at most `timeout` seconds."""
        if self.futures:
            wait_for([self.futures[0]], timeout)

    def submit(self, references: list[Any], **request: Any) -> None:
        """Submit one update.

        Args:
            references: `batches_per_update` object references, or empty if the learners find their data themselves.
            request: Keywords of the learners' `work`.
        """
        data = (
            TrainingData(batch_refs=references)
            if references
            else TrainingData(batches=[MultiAgentBatch({}, 0)] * max(1, len(self.group)))
        )
        self.futures.append(self.thread.submit(self.update, data, request))

    def update(self, data: TrainingData, request: dict[str, Any]) -> dict[str, Any]:
        """Do one update, in the thread, and return the first learner's result."""
        start = time.perf_counter()
        try:
            results = self.group.update(training_data=data, defer_solve_refs_to_learner=True, **request)
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
        """Return the results that are ready, in order.

        Args:
            wait: Wait for one result if none is ready and any update is in flight.

        Raises:
            LearnerDied: A learner process is gone.
            NonFiniteLoss: An update's loss was not finite.
        """
        ready: list[dict[str, Any]] = []
        while self.futures and (self.futures[0].done() or (wait and not ready)):
            ready.append(self.futures.popleft().result())
        return ready

    def close(self) -> None:
        """Forget updates that did not begin, and wait for those that did."""
        self.thread.shutdown(wait=True, cancel_futures=True)


def first_result(group: LearnerGroup, function: Any) -> Any:
    """Call `function` on every learner of `group` and return the first one's answer, or raise its error.

    Raises:
        LearnerDied: The group lost a process.
    """
    answers = [result.get() for result in group.foreach_learner(function)]  # type: ignore[no-untyped-call]
    if not answers or any(isinstance(answer, RayActorError) for answer in answers):
        raise LearnerDied("a learner process died")
    for answer in answers:
        if isinstance(answer, Exception):
            raise answer
    return answers[0]
