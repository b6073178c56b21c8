"""Tune's results of a population, as code that uses Tune sees them."""

from __future__ import annotations

from pathlib import Path

import pytest
import ray
from ray.tune import ResultGrid

from cluster.population import folder
from cluster.population.lineage.report import BestMember
from cluster.population.settings import PopulationSettings
from cluster.population.tuner import PopulationTuner
from cluster.training.ray_session import start_ray
from tests.helpers.tiny_run import SMALL_POPULATION, make_images, tiny_settings


@pytest.mark.slow
def test_a_population_gives_tunes_results(tmp_path: Path) -> None:
    settings = tiny_settings(make_images(tmp_path / "images"), steps=5000, minutes=0.0, checkpoint_minutes=0.05)
    population = PopulationSettings(fitness="pixel", winner_samples=0, **SMALL_POPULATION)
    tuner = PopulationTuner(settings, population)
    assert tuner.results is None
    start_ray(cpus=tuner.cpus())
    try:
        config = {"population": population.to_json(), "settings": settings.storable()}
        with folder.create(tmp_path / "people", config) as place:
            assert tuner.run(place) == "finished"
    finally:
        ray.shutdown()
    assert isinstance(tuner.results, ResultGrid)
    assert not tuner.results.errors
    best, standing = tuner.results.get_best_result("score", "max"), BestMember.read(str(tmp_path / "people")).standing
    assert best.metrics is not None
    assert best.metrics["score"] == pytest.approx(standing["score"])
    assert best.metrics["folder"] == str(tmp_path / "people" / "members" / f"{standing['member']:02d}")
    assert best.metrics["env_steps"] >= 5000
    assert best.metrics["entropy_cost"] > 0
