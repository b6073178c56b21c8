"""Two runs with one discriminator: both feed it, both are paid by it, neither takes it back; and it survives."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
import ray

from cluster.painter.discriminator_client import Share, SharedDiscriminatorGroup
from cluster.painter.shared_discriminator import sharing
from cluster.painter.spiral import Spiral, SpiralConfig
from cluster.population.settings import PopulationSettings
from cluster.runs import checkpoints
from cluster.training.learner import GroupLearner, export_state
from cluster.training.learner_client import first_result
from tests.helpers.live_run import kill, train_until
from tests.helpers.tiny_run import tiny_settings, wait_until

pytestmark = pytest.mark.usefixtures("private_ray")
Couple = tuple[Spiral, Spiral, Share]


def generator(images: Path, share: Share, seed: int) -> Spiral:
    config = SpiralConfig().use(tiny_settings(images, minutes=60, seed=seed))
    config.shared = share
    algorithm = config.build_algo()
    assert isinstance(algorithm, Spiral)
    return algorithm


@pytest.fixture(scope="module")
def couple(images: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Couple]:
    folder = tmp_path_factory.mktemp("shared")
    with sharing(tiny_settings(images, checkpoint_minutes=0.01), 2, folder) as (share, _):
        one, two = generator(images, share, 1), generator(images, share, 2)
        yield one, two, share
        one.stop()
        two.stop()
    assert checkpoints.latest_good(folder)[0] is not None, "it is saved at the end"


def pid(learner: GroupLearner) -> int:
    return os.getpid()


@pytest.mark.slow
def test_both_feed_it_and_are_paid_by_it(couple: Couple) -> None:
    one, two, _ = couple
    for algorithm in (one, two):
        train_until(algorithm, lambda latest: latest["updates"] > 3)
    assert one.replay_host.spec == two.replay_host.spec
    assert one.replay_host.spec.capacity == 2 * tiny_settings(Path("x")).system.replay_capacity
    before = two.discriminator_updates
    train_until(one, lambda latest: latest["discriminator/updates"] > before + 2)
    train_until(two, lambda latest: latest["discriminator/updates"] > one.discriminator_updates)
    counts = first_result(one.discriminator_group, export_state)["counters"]
    assert counts["updates"] >= max(one.discriminator_updates, two.discriminator_updates) > 0


@pytest.mark.slow
def test_taking_back_a_checkpoint_leaves_it_as_it_is(couple: Couple) -> None:
    one, two, _ = couple
    train_until(one, lambda latest: latest["updates"] > 0)
    old = one.make_checkpoint()
    assert len(old.arrays["replay"]["canvases"]) == 0, "the ring is nobody's own"
    old_updates = old.documents["counters"]["discriminator"]["updates"]
    train_until(two, lambda latest: latest["discriminator/updates"] > old_updates + 2)
    filled = one.replay.fill
    one.restore_checkpoint(old)
    assert one.policy_updates == old.update
    state = first_result(two.discriminator_group, export_state)
    assert state["counters"]["updates"] > old_updates
    assert one.replay.fill == filled
    assert one.reset_config({"settings": one.settings.replace(entropy_cost=0.07)})


@pytest.mark.slow
def test_it_is_started_again_from_its_checkpoint(couple: Couple) -> None:
    one, _, share = couple
    ray.get(share.actor.save.remote())
    saved = ray.get(share.actor.ask.remote(export_state))["counters"]["updates"]
    first = ray.get(share.actor.ask.remote(pid))
    kill(first)
    again = wait_until(lambda: ray.get(share.actor.ask.remote(pid)), 60, "another process")
    assert again != first
    train_until(one, lambda latest: latest["discriminator/updates"] > saved)
    assert ray.get(share.actor.ask.remote(export_state))["counters"]["updates"] > saved >= 1


def test_without_it_a_run_goes_on_with_the_last_scores_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ray is a fake: `wait` says what is ready."""
    ready: list[bool] = []
    waits: list[float] = []

    def wait(references: list[object], timeout: float) -> tuple[list[object], list[object]]:
        waits.append(timeout)
        return (references if ready.pop(0) else []), []

    monkeypatch.setattr(ray, "wait", wait)
    monkeypatch.setattr(ray, "get", lambda reference: reference)
    actor = SimpleNamespace(
        update=SimpleNamespace(remote=lambda: {"updates": 7, "weights": ["w"]}),
        ask=SimpleNamespace(remote=lambda question: "state"),
    )
    group = SharedDiscriminatorGroup(actor)
    ready += [False, True, False, False, True, True, False]
    assert group.foreach_learner(export_state, timeout_seconds=120) == [], "there is no last answer yet"
    assert group.update() == [{"updates": 7, "weights": ["w"]}]
    assert group.update() == [{"updates": 7}], "late: nothing new"
    assert group.late
    group.asked_at -= 601
    (result,) = group.update()
    assert "the shared discriminator has not answered for 60" in result["unavailable"]
    assert group.update() == [{"updates": 7, "weights": ["w"]}], "it is back"
    assert group.silent == 0.0
    assert [answer.get() for answer in group.foreach_learner(export_state)] == ["state"]
    assert [answer.get() for answer in group.foreach_learner(export_state)] == ["state"], "its last answer"
    assert waits == [600, 10, 10, 0, 0, 600, 10], "the first answer and what is late are waited for otherwise"


@pytest.mark.slow
def test_members_train_on_while_it_is_stopped(couple: Couple) -> None:
    one, _, share = couple
    train_until(one, lambda latest: latest["updates"] > 0)
    one.make_checkpoint()  # as a member does at its start
    stopped = ray.get(share.actor.ask.remote(pid))
    one.discriminator_group.patience = 2.0
    os.kill(stopped, signal.SIGSTOP)
    try:
        train_until(one, lambda latest: latest.get("discriminator/silent_s", 0) > 5, 240)
        updates = one.policy_updates
        train_until(one, lambda latest: latest.get("updates", 0) > updates + 5, 240)
        assert one.make_checkpoint().update > updates, "it can be saved meanwhile"
    finally:
        os.kill(stopped, signal.SIGCONT)
    train_until(one, lambda latest: latest.get("discriminator/silent_s") == 0, 240)


def test_a_member_that_evolves_its_discriminator_can_not_share_it() -> None:
    with pytest.raises(ValueError, match="share_discriminator: with evolve_discriminator each member needs"):
        PopulationSettings(share_discriminator=True, evolve_discriminator=True)
