"""What learners of a group do when what they need is missing, and when they publish. No Ray."""

from __future__ import annotations

import threading
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
from cluster.training.learner_client import LearnerClient


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
    learner: Any = SimpleNamespace(inner=inner, all_have=lambda mine: mine, publish=lambda: "weights", staging=None)
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


def test_a_staged_batch_is_learned_from_while_the_next_is_fetched() -> None:
    done: list[Any] = []

    def take(references: list[str], fetch: Any) -> tuple[Any, str]:
        done.append(("take", references))
        return SimpleNamespace(steps=3), "tensors"

    inner = SimpleNamespace(
        updates=1, policy=None, update_from=lambda *given: done.append(("update", *given[1:])) or {}
    )
    staging = SimpleNamespace(take=take, begin=lambda references, fetch: done.append(("begin", references)))
    learner: Any = SimpleNamespace(inner=inner, all_have=lambda mine: mine, publish=lambda: "weights", staging=staging)
    request = {"discriminator": [], "discriminator_version": 0, "progress": 0.5, "publish_interval": 2}
    data = SimpleNamespace(batch_refs=["first"])
    assert PolicyGroupLearner.work(learner, data, **request, upcoming=["second"])["steps"] == 3
    assert done == [("take", ["first"]), ("begin", ["second"]), ("update", "tensors", 0.5)]


def test_a_discriminator_publishes_at_its_own_interval() -> None:
    inner = SimpleNamespace(updates=0)

    def update(real: Any, fake: Any) -> dict[str, float]:
        inner.updates += 1
        return {}

    inner.update = update
    learner: Any = SimpleNamespace(
        settings=SimpleNamespace(
            discriminator=SimpleNamespace(discriminator_batch=4),
            conditioning="pair",
            system=SimpleNamespace(discriminator_publish_interval=3),
        ),
        replay=SimpleNamespace(sample=lambda batch, rng: "fake"),
        rng=None,
        real_records=lambda batch: "real",
        all_have=lambda mine: mine,
        publish=lambda: "weights",
        inner=inner,
    )
    found = [DiscriminatorGroupLearner.work(learner, None) for _ in range(7)]
    assert ["weights" in each for each in found] == [False, False, True, False, False, True, False]


def test_a_client_tells_a_lone_learner_what_comes_next() -> None:
    told, free = [], threading.Event()

    class Group:
        is_remote = False

        def __len__(self) -> int:
            return 0

        def update(self, **given: Any) -> list[dict[str, Any]]:
            free.wait(60)
            told.append(given["upcoming"])
            return [{}]

    client = LearnerClient(Group())  # type: ignore[arg-type]
    client.submit(["first"])
    client.submit(["second"])
    free.set()
    while client.in_flight:
        client.results(wait=True)
    assert told[-1] == []
    assert told[0] in ([], ["second"])  # the thread may have begun before the second was there
    assert len(told) == 2
