"""A run whose actors have an inference service: it learns from the same trajectories."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from cluster.painter.spiral import Spiral
from tests.helpers.live_run import actor_pids, build, train_until
from tests.helpers.tiny_run import assert_catalogued, tiny_settings

pytestmark = pytest.mark.usefixtures("private_ray")


@pytest.fixture(scope="module")
def spiral(images: Path, private_ray: None) -> Iterator[Spiral]:
    algorithm = build(tiny_settings(images, minutes=60, actors=2, max_lag=1, inference="server"))
    yield algorithm
    algorithm.stop()


def test_it_learns_from_actors_that_load_neither_torch_nor_rllib(spiral: Spiral) -> None:
    train_until(spiral, lambda latest: latest["updates"] > 4, 120)
    train_until(spiral, lambda latest: latest.get("inference/batch", 0) > 0, 60)
    assert_catalogued([spiral.latest])
    assert spiral.latest["runners/healthy"] == 2
    for pid in actor_pids(spiral):
        loaded = Path(f"/proc/{pid}/maps").read_text()
        assert "pymypaint" in loaded
        assert "libtorch" not in loaded


def test_lag_is_bounded_and_the_ratio_at_lag_zero_is_one(spiral: Spiral) -> None:
    train_until(spiral, lambda latest: "policy/ratio_at_lag_0" in latest, 120)
    assert spiral.latest["policy/ratio_at_lag_0"] >= 0.999
    assert spiral.latest["lag/max"] <= 1
