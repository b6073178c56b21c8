"""A run's metrics as Ray's own: gauges and counters that every node's Prometheus port shows.

Ray prefixes the names with `ray_`, and Prometheus's text format ends counters in `_total`:
`ray_impasto_policy_updates_total{run="mnist", member="painter-00", ...}`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from ray.util.metrics import Counter, Gauge

from cluster.metrics.catalogue import CATALOGUE

TAGS = ("run", "member")


def as_tag(name: str) -> str:
    """A name as a tag's value: Ray takes ASCII only, so other characters are written as in an address.

    Examples:
        >>> as_tag("über run"), as_tag("mnist-1")
        ('%C3%BCber run', 'mnist-1')
    """
    return "".join(each if " " <= each <= "~" else quote(each, errors="backslashreplace") for each in name)


class Telemetry:
    """An exporter of the catalogue's exported metrics to Ray, which has to be connected.

    Args:
        run: name of the run, the tag `run`.
        member: its name in a population, the tag `member`.
    """

    def __init__(self, run: str, member: str) -> None:
        exported = [metric for metric in CATALOGUE.values() if metric.exported]
        self.gauges = {
            metric.name: Gauge(f"impasto_{metric.exported}", metric.meaning, TAGS)
            for metric in exported
            if metric.kind == "gauge"
        }
        self.counters = {
            metric.name: Counter(f"impasto_{metric.exported}", metric.meaning, TAGS)
            for metric in exported
            if metric.kind == "counter"
        }
        for metric in (*self.gauges.values(), *self.counters.values()):
            metric.set_default_tags({"run": as_tag(run), "member": as_tag(member)})
        self.counted = dict.fromkeys(self.counters, 0.0)

    def begin_at(self, restored: Mapping[str, float]) -> None:
        """Start counting from these values: a checkpoint was restored.

        Earlier processes counted their own work, so the counters do not jump; steps that are learned from a second
        time are counted a second time. Counters that are not in `restored` continue.
        """
        self.counted |= {name: float(value) for name, value in restored.items() if name in self.counters}

    def report(self, latest: Mapping[str, Any]) -> None:
        """Set the gauges, and add to the counters what was added since the last call or `begin_at`."""
        for name, gauge in self.gauges.items():
            value = latest.get(name)
            if value is not None and math.isfinite(value):
                gauge.set(value)
        for name, counter in self.counters.items():
            value = latest.get(name)
            if value is not None and value > self.counted[name]:
                counter.inc(value - self.counted[name])
                self.counted[name] = value
