"""What may die, and what then happens: actors, Redis, batches, learners, losses."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import ray
import torch

from cluster import cli
from cluster.errors import UserError
from cluster.painter.learners import PolicyGroupLearner
from cluster.painter.spiral import Spiral
from cluster.painter.trainer import PainterTrainer
from cluster.runs import checkpoints
from cluster.runs.folder import RunFolder
from learners.policy_learner import PolicyLearner
from tests.helpers.live_run import actor_pids, build, kill, train_until
from tests.helpers.tiny_run import options, quiet, tiny_settings

pytestmark = pytest.mark.usefixtures("private_ray")


@pytest.fixture(scope="module")
def spiral(images: Path, private_ray: None) -> Iterator[Spiral]:
    """One algorithm for the tests that leave it as healthy as they found it."""
    algorithm = build(tiny_settings(images, minutes=60, actors=2, max_lag=5))
    yield algorithm
    algorithm.stop()


def test_a_killed_actor_is_replaced_and_what_is_lost_with_it_left_out(spiral: Spiral) -> None:
    """Ray frees what a dead process owned: batches in the queue, painted by it, can not be learned from."""
    train_until(spiral, lambda latest: latest["updates"] > 0)
    spiral.collect(everything=True)
    while {batch["actor"] for batch in spiral.queue.batches} != {1, 2}:
        spiral.request_batches()
        spiral.fetch_batches()
    pids = actor_pids(spiral)
    before, steps, lost = spiral.policy_updates, spiral.trained_steps, spiral.lost_batches
    restarts = spiral.pool.restarts
    kill(pids[1])
    time.sleep(2.0)  # until Ray has freed them
    train_until(
        spiral,
        lambda latest: (
            latest["batches/lost"] > lost
            and latest["runners/restarts"] == restarts + 1
            and latest["runners/healthy"] == 2
            and latest["updates"] > before
        ),
        240,
    )
    spiral.collect(everything=True)
    settings = spiral.settings
    assert spiral.lost_batches - lost <= settings.system.max_lag
    batch = settings.system.canvases * settings.paint.num_actions
    assert spiral.trained_steps - steps == batch * (spiral.policy_updates - before)
    assert pids[0] in actor_pids(spiral)
    assert pids[1] not in actor_pids(spiral)


def test_what_was_overtaken_by_too_much_is_left_out(spiral: Spiral, monkeypatch: pytest.MonkeyPatch) -> None:
    limit = 2 * spiral.settings.system.max_lag
    quiet(spiral)
    spiral.queue.batches.clear()
    stale = spiral.queue.stale
    for lag, kept in ((limit, 1), (limit + 1, 0)):
        batch = {
            "version": spiral.policy_updates - lag,
            "epoch": spiral.epoch,
            "steps": 0,
            "seconds": {},
            "incarnation": 0,
        }
        monkeypatch.setattr(spiral.pool, "arrived", lambda timeout, batch=batch: [(1, batch)])
        spiral.fetch_batches()
        assert len(spiral.queue.batches) == kept
        spiral.queue.batches.clear()
    assert spiral.queue.stale == stale + 1


def test_our_own_redis_is_restarted(spiral: Spiral) -> None:
    train_until(spiral, lambda latest: latest["updates"] > 0)
    server = spiral.replay_host.server
    assert server is not None
    restarts, pid = spiral.latest["redis/restarts"], server.pid
    kill(pid)
    train_until(spiral, lambda latest: latest.get("redis/restarts") == restarts + 1)
    assert server.pid != pid
    done = dict(spiral.latest)
    train_until(
        spiral,
        lambda latest: (
            latest["updates"] > done["updates"] and latest["discriminator/updates"] > done["discriminator/updates"]
        ),
    )
    assert spiral.latest["replay/fill"] > 0


def test_a_slow_learner_holds_the_actors_back(spiral: Spiral, monkeypatch: pytest.MonkeyPatch) -> None:
    limit = spiral.settings.system.max_lag
    seen: list[int] = []
    work, request = PolicyGroupLearner.work, Spiral.request_batches

    def slow(self: PolicyGroupLearner, training_data: Any, **order: Any) -> dict[str, Any]:
        time.sleep(0.15)
        return work(self, training_data, **order)

    def watched(self: Spiral) -> None:
        request(self)
        seen.append(self.pool.in_flight + len(self.queue.batches))

    monkeypatch.setattr(PolicyGroupLearner, "work", slow)
    monkeypatch.setattr(Spiral, "request_batches", watched)
    lags: list[float] = []
    while len(lags) < 3:
        spiral.train()
        lags += [spiral.latest["lag/max"]] if "lag/max" in spiral.latest else []
    assert limit - 2 <= max(seen) <= limit
    assert 0 < max(lags) <= 2 * limit


def test_a_run_stops_at_a_loss_that_is_not_finite(
    images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    loss = PolicyLearner.loss

    def broken(self: PolicyLearner, *arguments: Any) -> Any:
        value, metrics = loss(self, *arguments)
        return (value * float("nan") if self.updates == 4 else value), metrics

    monkeypatch.setattr(PolicyLearner, "loss", broken)
    monkeypatch.setattr(ray, "shutdown", lambda: None)  # the other tests' Ray
    run = tmp_path / "run"
    assert cli.main(["train", str(images), "--run", str(run), *options(minutes=1, checkpoint_minutes=0.001)]) == 2
    message = capsys.readouterr().err.strip().splitlines()[-1]
    path, damaged = checkpoints.latest_good(run / "checkpoints")
    assert path is not None
    assert not damaged
    assert message.startswith("impasto: training stopped: policy update 5: loss nan")
    assert message.endswith(f"the last good checkpoint is {path}")
    kept = checkpoints.load(path)
    assert kept.update <= 4
    assert all(torch.isfinite(value).all() for value in kept.tensors["policy"].values())


@pytest.mark.slow
def test_a_huge_learning_rate_ends_as_one_line(images: Path, tmp_path: Path) -> None:
    settings = tiny_settings(images, minutes=1, policy_learning_rate=1e30)
    with (
        RunFolder.create(tmp_path / "run", settings.to_json()) as folder,
        pytest.raises(UserError, match=r"training stopped: policy update \d+: .*the last good checkpoint is") as caught,
    ):
        PainterTrainer(settings).run(folder)
    assert "\n" not in str(caught.value)
    path, _ = checkpoints.latest_good(folder.checkpoints)
    assert path is not None
    assert checkpoints.load(path).update == 0
