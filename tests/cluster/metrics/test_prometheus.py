"""Gauges and counters in Ray's metrics."""

from __future__ import annotations

from collections import defaultdict

import pytest

from cluster.metrics import prometheus
from cluster.metrics.prometheus import Telemetry


class Metric:
    """Stands for Ray's gauges and counters, which need a cluster."""

    totals: dict[str, float]

    def __init__(self, name: str, text: str, tags: tuple[str, ...]) -> None:
        self.name = name

    def set_default_tags(self, tags: dict[str, str]) -> None:
        assert tags == {"run": "a", "member": "b"}

    def set(self, value: float) -> None:
        self.totals[self.name] = value

    def inc(self, value: float) -> None:
        self.totals[self.name] += value


def test_counters_do_not_jump_when_a_checkpoint_is_restored(monkeypatch: pytest.MonkeyPatch) -> None:
    totals: dict[str, float] = defaultdict(float)
    monkeypatch.setattr(Metric, "totals", totals, raising=False)
    monkeypatch.setattr(prometheus, "Counter", Metric)
    monkeypatch.setattr(prometheus, "Gauge", Metric)
    first = Telemetry("a", "b")
    first.report({"env_steps": 1000, "updates": 10, "runners/restarts": 1, "replay/fill": 0.5})
    assert totals["impasto_env_steps"] == 1000
    assert totals["impasto_replay_fill"] == 0.5

    again = Telemetry("a", "b")  # of the algorithm that is built after a learner died
    again.begin_at({"env_steps": 800, "updates": 8})
    again.report({"env_steps": 850, "updates": 9, "runners/restarts": 2})
    assert totals["impasto_env_steps"] == 1050
    assert totals["impasto_policy_updates"] == 11
    assert totals["impasto_actor_restarts"] == 3, "those are of this process, no checkpoint brings them back"

    again.begin_at({"env_steps": 5000, "updates": 50})  # a member copies one that is ahead
    again.report({"env_steps": 5010, "updates": 50, "runners/restarts": 2})
    assert totals["impasto_env_steps"] == 1060
    assert totals["impasto_policy_updates"] == 11
    again.begin_at({"env_steps": 100, "updates": 1})  # and one that is behind
    again.report({"env_steps": 130, "updates": 2})
    assert totals["impasto_env_steps"] == 1090


@pytest.mark.parametrize("name", ["über run", "数字", "a\nb", "\udcff", "x" * 300])
def test_names_of_any_characters_become_tags_that_ray_takes(name: str) -> None:
    tag = prometheus.as_tag(name)
    assert tag.isascii()
    assert tag.isprintable()
