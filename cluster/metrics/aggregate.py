"""Sums and means between two reports: learners' metrics, rates, and shares of the time."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

# Activities whose shares of time are reported; together they are all the time of actors and driver.
ACTIVITIES = ("render", "inference", "transfer", "learn", "discriminate", "wait")


class Meters:
    """Sums and means since the last `summary`.

    Attributes:
        seconds: seconds by activity since the last summary.
    """

    def __init__(self) -> None:
        self.seconds: defaultdict[str, float] = defaultdict(float)
        self.values: dict[str, list[float]] = defaultdict(list)
        self.last = time.perf_counter()
        self.steps = 0
        self.updates = 0

    @contextmanager
    def time(self, activity: str) -> Iterator[None]:
        """Book the time inside to `activity`."""
        start = time.perf_counter()
        yield
        self.seconds[activity] += time.perf_counter() - start

    def take_seconds(self, **workers: Any) -> None:
        """Book the seconds of workers to activities, and set the workers' to 0.

        Args:
            workers: By activity, anything that counts its `seconds`.
        """
        for activity, worker in workers.items():
            self.seconds[activity] += worker.seconds
            worker.seconds = 0.0

    def learner(self, name: str, result: dict[str, Any]) -> None:
        """Take in a learner's result; its metrics are reported as `name/metric`."""
        for metric, value in result.get("metrics", {}).items():
            self.values[f"{name}/{metric}"].append(value)

    def note(self, name: str, value: float) -> None:
        """Take in a value whose mean is reported as `name`."""
        self.values[name].append(value)

    def learned(self, steps: int, updates: int = 1) -> None:
        """Count `updates` of the policy from `steps` environment steps."""
        self.steps += steps
        self.updates += updates

    def summary(self) -> dict[str, float]:
        """Rates, shares of time and means since the last call; all begin anew after it."""
        now = time.perf_counter()
        wall = max(now - self.last, 1e-9)
        total = sum(self.seconds.values()) or 1.0
        report = {name: sum(values) / len(values) for name, values in self.values.items()}
        if lags := self.values.get("policy/lag"):
            report |= {"lag/mean": report.pop("policy/lag"), "lag/max": max(lags)}
        report["env_steps_per_s"] = self.steps / wall
        report["updates_per_s"] = self.updates / wall
        for activity in ACTIVITIES:
            report[f"time/{activity}"] = self.seconds[activity] / total
        self.seconds.clear()
        self.values.clear()
        self.last, self.steps, self.updates = now, 0, 0
        return report
