"""Driver-side client of a learner group: asynchronous updates with a bounded number in flight."""

from __future__ import annotations

import statistics
import time
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import wait as wait_for
from typing import Any

from ray.exceptions import RayActorError, RayError, RayTaskError
from ray.rllib.core.learner.learner_group import LearnerGroup
from ray.rllib.core.learner.training_data import TrainingData
from ray.rllib.policy.sample_batch import MultiAgentBatch

from cluster.replay.connection import ReplayUnavailable
from learners.optimization import NonFiniteLoss

#: Errors of an update that say something of the run, not of the process that did it.
NOT_THE_PROCESS = (NonFiniteLoss, ReplayUnavailable)
#: Errors with which a process, its machine or its device fails; torch's of memory, devices and collective calls are
#: RuntimeErrors. Others are faults of the program: they end the run, for a restart would meet them again.
DEATHS = (RayError, RuntimeError, OSError, MemoryError)
#: Updates whose median time says how long one usually takes.
UPDATES = 100
SECONDS_BETWEEN_LOOKS = 1.0
#: For the thread of a remote group to hear that its processes are gone.
SECONDS_TO_CLOSE = 30.0
#: For learners to answer a question besides updates.
SECONDS_TO_ANSWER = 120.0


class LearnerDied(RuntimeError):
    """A learner is gone, failed or silent, and its group is of no more use: go on from the last checkpoint."""


def is_death(error: BaseException) -> bool:
    """True if a learner died of this error, false if it says something of the run, or of the program."""
    return isinstance(error, DEATHS) and not isinstance(error, NOT_THE_PROCESS)


def died(error: BaseException) -> LearnerDied:
    """Say in a line how a learner died of `error`: memory, a device, a collective call, or what else it raised."""
    lines = str(error).strip().splitlines()
    if isinstance(error, RayActorError):
        return LearnerDied(f"a learner process died: {lines[0] if lines else type(error).__name__}")
    return LearnerDied(f"a learner failed: {type(error).__name__}{f': {lines[-1]}' if lines else ''}")


class LearnerClient:
    """Submits updates to a learner group without waiting for them, local or remote alike.

    A thread of its own calls the group. For a local group (no processes) that thread computes: torch leaves Python's
    lock while it does, so both local learners and the driver's bookkeeping share the machine's cores. For a remote
    group it waits. RLlib's own asynchronous updates silently drop what exceeds their capacity; this does not.

    Attributes:
        capacity: Maximum number of updates in flight.
        batches_per_update: Batches that one update takes, over all learners of the group.
        seconds: Wall seconds that the thread spent in updates since its owner last read and reset it.
        patience: Seconds after which a remote group that has not answered counts as dead, at least.
    """

    #: The same in usual times of an update.
    patience_updates = 20.0

    def __init__(
        self, group: LearnerGroup, capacity: int = 2, batches_per_learner: int = 1, patience: float = 120.0
    ) -> None:
        self.group = group
        self.patience = patience
        self.capacity = capacity
        self.batches_per_update = max(1, len(group)) * batches_per_learner
        self.seconds = 0.0
        self.thread = ThreadPoolExecutor(1)
        self.futures: deque[Future[dict[str, Any]]] = deque()
        self.waiting: deque[list[Any]] = deque()  # references of updates that have not begun
        self.took: deque[float] = deque(maxlen=UPDATES)
        self.begun_at: float | None = None

    @property
    def in_flight(self) -> int:
        """Updates submitted whose results were not collected yet."""
        return len(self.futures)

    @property
    def has_room(self) -> bool:
        """True if another update may be submitted."""
        return self.in_flight < self.capacity

    @property
    def waited(self) -> float:
        """Seconds that the update has taken so far that is being done now; 0 if none is."""
        begun = self.begun_at
        return 0.0 if begun is None else time.monotonic() - begun

    @property
    def limit(self) -> float:
        """Seconds after which an update that has not ended never will: its group counts as dead."""
        if not self.group.is_remote:  # it computes in this process, and nothing could end it
            return float("inf")
        took = list(self.took)
        return max(self.patience, self.patience_updates * (statistics.median(took) if took else 0.0))

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
        self.waiting.append(references)
        self.futures.append(self.thread.submit(self.update, data, request))

    def update(self, data: TrainingData, request: dict[str, Any]) -> dict[str, Any]:
        """Do one update, in the thread, and return the first learner's result.

        A learner that is alone in its group is told of the batches that come next, so that it can fetch them meanwhile.
        """
        start = self.begun_at = time.monotonic()
        self.waiting.popleft()
        if data.batch_refs and len(self.group) <= 1:
            request = request | {"upcoming": self.waiting[0] if self.waiting else []}
        try:
            results = self.group.update(training_data=data, defer_solve_refs_to_learner=True, **request)
        except RayTaskError as error:  # its text is a page; what was raised in the process is inside
            cause = error.cause
            raise (died(cause) if is_death(cause) else cause) from error
        except NOT_THE_PROCESS:
            raise
        except DEATHS as error:
            raise died(error) from error
        finally:
            self.begun_at = None
        self.took.append(time.monotonic() - start)
        self.seconds += self.took[-1]
        if not results:
            raise LearnerDied("a learner process died earlier")
        result: dict[str, Any] = results[0]
        return result

    def results(self, wait: bool = False) -> list[dict[str, Any]]:
        """Return the results that are ready, in order.

        Args:
            wait: Wait for one result if none is ready and any update is in flight.

        Raises:
            LearnerDied: A learner process is gone, failed, or does not answer.
            NonFiniteLoss: An update's loss was not finite.
        """
        ready: list[dict[str, Any]] = []
        while self.futures and (self.futures[0].done() or (wait and not ready)):
            self.wait_for_result(SECONDS_BETWEEN_LOOKS)
            if self.futures[0].done():
                ready.append(self.futures.popleft().result())
            else:
                self.check()
        self.check()
        return ready

    def check(self) -> None:
        """Raise LearnerDied if the group has not answered for too long."""
        if self.waited > self.limit:
            raise LearnerDied(f"a learner process did not answer for {self.waited:.0f} s")

    def close(self) -> None:
        """Forget updates that did not begin, and wait for those that did; of a remote group not long."""
        self.thread.shutdown(wait=not self.group.is_remote, cancel_futures=True)
        if self.group.is_remote and self.futures:
            wait_for([each for each in self.futures if not each.cancelled()], SECONDS_TO_CLOSE)


def first_result(group: LearnerGroup, function: Any, seconds: float = SECONDS_TO_ANSWER) -> Any:
    """Call `function` on every learner of `group` and return the first one's answer, or raise its error.

    Args:
        group: It has no update in flight.
        function: Takes a learner.
        seconds: Time for the answers of a remote group.

    Raises:
        LearnerDied: The group lost a process, a process failed, or it does not answer.
    """
    try:
        answers = [each.get() for each in group.foreach_learner(function, timeout_seconds=seconds)]  # type: ignore[no-untyped-call]
    except NOT_THE_PROCESS:
        raise
    except DEATHS as error:
        raise died(error) from error
    for answer in answers:
        if isinstance(answer, Exception):
            cause = answer.cause if isinstance(answer, RayTaskError) else answer
            raise (died(cause) if is_death(cause) else cause) from answer
    if len(answers) < max(1, len(group)):
        raise LearnerDied("a learner process died" if not answers else "a learner process does not answer")
    return answers[0]
