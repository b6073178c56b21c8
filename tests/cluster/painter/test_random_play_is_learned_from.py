"""Random play through a whole system: actors bring it, the learner learns from it, and it is counted."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.helpers.live_run import build, train_until
from tests.helpers.tiny_run import assert_catalogued, tiny_settings

CONDITIONAL = {"conditional": True, "hindsight_weight": 1.0, "canvases": 8, "random_canvases": 4, "minutes": 60}


@pytest.mark.usefixtures("private_ray")
def test_it_reaches_the_learner_and_is_counted(images: Path) -> None:
    settings = tiny_settings(images, **CONDITIONAL)
    algorithm = build(settings)
    try:
        train_until(algorithm, lambda latest: latest.get("updates", 0) >= 3)
        assert algorithm.latest["env_steps"] == 12 * settings.world.num_actions * algorithm.latest["updates"]
        assert_catalogued([algorithm.latest])
        assert 0 < algorithm.latest["policy/hindsight_share"] <= 1
    finally:
        algorithm.stop()


def test_it_needs_hindsight(images: Path) -> None:
    with pytest.raises(ValueError, match="random_canvases: only hindsight learns from them; give a hindsight_weight"):
        tiny_settings(images, **CONDITIONAL | {"hindsight_weight": 0.0})
