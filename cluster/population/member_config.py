"""A member's settings, the resources that Ray books for it, and the comparisons that it owes."""

from __future__ import annotations

from typing import Any

from ray.tune import PlacementGroupFactory

from cluster.painter.settings import PainterSettings
from cluster.painter.spiral import Spiral, SpiralConfig
from cluster.population.settings import PopulationSettings


def member_config(settings: PainterSettings, population: PopulationSettings) -> SpiralConfig:
    """A member's algorithm, with the CPUs that Ray books for each of its processes."""
    config: Any = SpiralConfig().use(settings)  # RLlib's annotations know whole CPUs only, its code fractions too
    config.resources(num_cpus_for_main_process=population.driver_cpus)
    config.env_runners(num_cpus_per_env_runner=population.actor_cpus)
    config.learners(num_cpus_per_learner=population.learner_cpus)
    assert isinstance(config, SpiralConfig)
    return config


def resources(settings: PainterSettings, population: PopulationSettings) -> PlacementGroupFactory:
    """The resources that Ray books for a member: its own process, its actors, all its learner processes."""
    return Spiral.default_resource_request(member_config(settings, population).to_dict())


def own_settings(settings: PainterSettings, number: int) -> PainterSettings:
    """A member's settings before its values: a seed of its own, and decays that follow steps alone."""
    return settings.replace(seed=settings.system.seed + number, minutes=0.0)


def comparison_due(steps: int, compared: int, population: PopulationSettings, total: int) -> tuple[int, int] | None:
    """The comparison that a member owes: its number and environment steps, the last one at `total`; None if none.

    Args:
        steps: environment steps of the member.
        compared: number of the last comparison that it took part in, on this line of weights.
        population: settings.
        total: environment steps at which members are done.
    """
    interval = population.interval_steps
    number = -(-total // interval) if steps >= total else steps // interval
    return (number, min(number * interval, total)) if number > compared else None
