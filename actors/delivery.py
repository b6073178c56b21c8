"""Delivery of what an actor has painted: records to the shared replay, the trajectory to Ray's object store."""

from __future__ import annotations

from typing import Any

import ray

from actors.sink import RecordSink
from learners.records import make_records
from learners.trajectory import Trajectory


def deliver(trajectory: Trajectory, sink: RecordSink | None, *, joint: bool = False) -> list[Any]:
    """Push records of the final canvases, if the episodes have ended, and store the trajectory.

    Args:
        trajectory: of N canvases that begin and end together.
        sink: the shared replay; None if nothing learns from it.
        joint: whether records hold the actions too.

    Returns:
        A list with one object reference: Ray would replace a bare one by its object.
    """
    if sink is not None and (trajectory.ends is None or trajectory.ends.all()):
        sink.push(make_records(trajectory.canvas[-1], trajectory.target, trajectory.action if joint else None))
    return [ray.put(trajectory)]
