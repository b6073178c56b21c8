"""A run's numbers for Ray's own metrics: gauges and counters that every node's Prometheus port shows.

Ray prefixes the names with ``ray_``, and Prometheus's text format ends counters in ``_total``:
``ray_impasto_policy_updates_total{run="mnist", member="painter-00", ...}``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from ray.util.metrics import Counter, Gauge

TAGS = ("run", "member")

#: Gauge: the metric of :attr:`cluster.painter.spiral.Spiral.latest` that it shows, and what that is.
GAUGES = {
    "impasto_env_steps_per_second": ("env_steps_per_s", "Environment steps learned from per second."),
    "impasto_updates_per_second": ("updates_per_s", "Policy updates per second."),
    "impasto_progress": ("progress", "Share of the time or step limit that is over, 0 to 1."),
    "impasto_lag_mean": ("lag/mean", "Updates between the weights that painted and those that learn, mean."),
    "impasto_lag_max": ("lag/max", "Updates between the weights that painted and those that learn, largest."),
    "impasto_replay_fill": ("replay/fill", "Filled share of the shared replay, 0 to 1."),
    "impasto_queue": ("queue", "Batches that wait in the driver."),
    "impasto_in_flight": ("in_flight", "Batches ordered from actors and not there yet."),
    "impasto_actors_wanted": ("runners/wanted", "Actors asked for, by --actors or impasto scale."),
    "impasto_actors_healthy": ("runners/healthy", "Actors that paint."),
    "impasto_policy_loss": ("policy/policy_loss", "Policy gradient part of the loss."),
    "impasto_value_loss": ("policy/value_loss", "Value part of the loss."),
    "impasto_policy_return": ("policy/return", "Mean return of the episodes learned from."),
    "impasto_policy_entropy": ("policy/entropy", "Mean entropy of the policy, nats per action."),
    "impasto_discriminator_loss": ("discriminator/loss", "Loss of the discriminator."),
    "impasto_discriminator_real": ("discriminator/real", "Mean score of real images."),
    "impasto_discriminator_fake": ("discriminator/fake", "Mean score of paintings from the replay."),
}

#: Counter: likewise, of metrics that only grow.
COUNTERS = {
    "impasto_env_steps": ("env_steps", "Environment steps learned from."),
    "impasto_policy_updates": ("updates", "Updates of the policy."),
    "impasto_discriminator_updates": ("discriminator/updates", "Updates of the discriminator."),
    "impasto_actor_restarts": ("runners/restarts", "Actors that were replaced."),
    "impasto_redis_restarts": ("redis/restarts", "Redis servers that were started again."),
    "impasto_batches_lost": ("batches/lost", "Batches that were lost with their actor."),
    "impasto_batches_stale": ("batches/stale", "Batches left out because too much overtook them."),
}


class Telemetry:
    """Passes a run's metrics on to Ray. Needs a connected Ray.

    Args:
        run: name of the run, the tag ``run``.
        member: its name in a population, the tag ``member``.
    """

    def __init__(self, run: str, member: str) -> None:
        tags = {"run": run, "member": member}
        self.gauges = {name: Gauge(name, text, TAGS) for name, (_, text) in GAUGES.items()}
        self.counters = {name: Counter(name, text, TAGS) for name, (_, text) in COUNTERS.items()}
        for metric in (*self.gauges.values(), *self.counters.values()):
            metric.set_default_tags(tags)
        self.counted = dict.fromkeys(COUNTERS, 0.0)

    def begin_at(self, restored: Mapping[str, float]) -> None:
        """Metrics begin at these values from now on: a checkpoint was taken back.

        What earlier processes did was counted by them, so the counters do not jump; what is learned a second time is
        counted a second time. Metrics that are not in ``restored`` go on as they were.
        """
        for name, (metric, _) in COUNTERS.items():
            if metric in restored:
                self.counted[name] = float(restored[metric])

    def report(self, latest: Mapping[str, Any]) -> None:
        """Set the gauges, and add to the counters what was added since the last call or :meth:`begin_at`."""
        for name, gauge in self.gauges.items():
            value = latest.get(GAUGES[name][0])
            if value is not None and math.isfinite(value):
                gauge.set(value)
        for name, counter in self.counters.items():
            value = latest.get(COUNTERS[name][0])
            if value is not None and value > self.counted[name]:
                counter.inc(value - self.counted[name])
                self.counted[name] = value
