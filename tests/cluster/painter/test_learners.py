"""What learners of a group do when what they need is missing, and when they publish. No Ray."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from ray.exceptions import ObjectLostError

from cluster.painter import learners as learner_groups
from cluster.painter.learners import DiscriminatorGroupLearner, PolicyGroupLearner
from cluster.painter.settings import preset
from cluster.painter.spiral import Spiral
from cluster.replay.buffer import ReplayEmpty, ReplayUnavailable


@pytest.mark.parametrize(
    ("error", "said"),
    [(ReplayUnavailable("no Redis"), {"unavailable": "no Redis"}), (ReplayEmpty("restarted"), {})],
)
def test_a_joint_discriminator_whose_second_draw_fails_leaves_the_update_out(
    error: Exception, said: dict[str, str]
) -> None:
    draws = iter([np.zeros((4, 8, 8, 3), np.uint8)])

    def sample(count: int, rng: np.random.Generator) -> Any:
        for found in draws:
            return found
        raise error

    learner: Any = SimpleNamespace(
        settings=SimpleNamespace(discriminator=SimpleNamespace(discriminator_batch=4), conditioning="joint"),
        replay=SimpleNamespace(sample=sample),
        rng=np.random.default_rng(0),
        all_have=lambda mine: mine,
        inner=SimpleNamespace(updates=7, update=lambda real, fake: pytest.fail("an update of half a batch")),
    )
    assert DiscriminatorGroupLearner.work(learner, None) == {"updates": 7} | said


def test_weights_are_published_by_updates_that_were_made(monkeypatch: pytest.MonkeyPatch) -> None:
    """A batch that was lost with its actor shifts the numbers of those ordered after it."""
    inner = SimpleNamespace(updates=0, policy=None)

    def update(trajectory: Any, progress: float) -> dict[str, float]:
        inner.updates += 1
        return {}

    def get(references: list[str]) -> list[str]:
        if "lost" in references:
            raise ObjectLostError("0", None, "")
        return references

    inner.update = update
    learner: Any = SimpleNamespace(inner=inner, all_have=lambda mine: mine, publish=lambda: "weights")
    monkeypatch.setattr(learner_groups, "ray", SimpleNamespace(get=get))
    monkeypatch.setattr(learner_groups, "Trajectory", SimpleNamespace(join=lambda parts: SimpleNamespace(steps=1)))
    published = []
    for batch in ("there", "lost", "there", "there", "lost", "there"):
        data = SimpleNamespace(batch_refs=[batch])
        request = {"discriminator": [], "discriminator_version": 0, "progress": 0.0, "publish_interval": 2}
        found = PolicyGroupLearner.work(learner, data, **request)
        published.append((found["updates"], "weights" in found))
    assert published == [(1, False), (1, False), (2, True), (3, False), (3, False), (4, True)]


@pytest.mark.parametrize(("source", "wanted"), [("discriminator", 30), ("both", 30), ("l2", 3)])
def test_a_discriminator_that_pays_nothing_learns_seldom(source: str, wanted: int) -> None:
    algorithm: Any = SimpleNamespace(
        discriminator_weights=[],
        discriminator_version=0,
        progress=0.0,
        policy_updates=0,
        policy_client=SimpleNamespace(in_flight=0, submit=lambda references, **request: None),
        queue=SimpleNamespace(take=lambda update: ["a trajectory"]),
        discriminator_debt=0,
        settings=preset("laptop").replace(reward_source=source, conditional=True),
    )
    for _ in range(30):
        Spiral.learn(algorithm)
        algorithm.policy_updates += 1
    assert algorithm.discriminator_debt == wanted
