"""What may die, and what then happens: actors, Redis, batches, learners, losses."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import psutil
import pytest
import ray
import redis
import torch
from ray.exceptions import RayTaskError

from cluster import checkpoints, cli
from cluster.algorithm import Spiral
from cluster.config import SpiralConfig
from cluster.errors import UserError
from cluster.learner_groups import GroupLearner, PolicyGroupLearner
from cluster.learner_link import LearnerDied, LearnerLink
from cluster.metrics import MetricsWriter, read_metrics
from cluster.redis_server import RedisServer
from cluster.replay import ReplayUnavailable
from cluster.replay_host import ReplayHost
from cluster.run_folder import RunFolder
from cluster.settings import RunSettings
from cluster.trainer import Trainer
from learners.policy_learner import NonFiniteLoss, PolicyLearner
from tests.cluster.tiny_run import options, quiet, tiny_settings, wait_until

pytestmark = pytest.mark.usefixtures("private_ray")


def build(settings: RunSettings) -> Spiral:
    algorithm = SpiralConfig().use(settings).build_algo()
    assert isinstance(algorithm, Spiral)
    return algorithm


def train_until(algorithm: Spiral, condition: Any, seconds: float = 60.0) -> None:
    """Iterate until ``condition(latest)`` holds."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        algorithm.train()
        if condition(algorithm.latest):
            return
    raise AssertionError(f"not within {seconds:g} s; latest: {algorithm.latest}")


def actor_pids(algorithm: Spiral) -> list[int]:
    """Processes of the actors that paint for ``algorithm``."""
    pids: list[int] = algorithm.runners.foreach_env_runner(lambda runner: os.getpid(), local_env_runner=False)
    return pids


def kill(pid: int) -> None:
    """SIGKILL, and wait for the end."""
    process = psutil.Process(pid)
    process.kill()
    wait_until(lambda: not process.is_running() or process.status() == psutil.STATUS_ZOMBIE, 10, f"the end of {pid}")


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
    while {batch["actor"] for batch in spiral.queue} != {1, 2}:
        spiral.request_batches()
        spiral.fetch_batches()
    pids = actor_pids(spiral)
    before, steps, lost = spiral.policy_updates, spiral.trained_steps, spiral.lost_batches
    restarts = spiral.runners.num_remote_worker_restarts()
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
    )
    spiral.collect(everything=True)
    settings = spiral.spiral_config.settings
    assert spiral.lost_batches - lost <= settings.system.max_lag
    batch = settings.system.canvases * settings.paint.num_actions
    assert spiral.trained_steps - steps == batch * (spiral.policy_updates - before)
    assert pids[0] in actor_pids(spiral)
    assert pids[1] not in actor_pids(spiral)


def test_what_was_overtaken_by_too_much_is_left_out(spiral: Spiral, monkeypatch: pytest.MonkeyPatch) -> None:
    limit = 2 * spiral.spiral_config.settings.system.max_lag
    quiet(spiral)
    spiral.queue.clear()
    stale = spiral.stale_batches
    for lag, kept in ((limit, 1), (limit + 1, 0)):
        batch = {"version": spiral.policy_updates - lag, "epoch": spiral.epoch, "steps": 0, "seconds": {}}
        monkeypatch.setattr(spiral.runners, "fetch_ready_async_reqs", lambda batch=batch, **_: [(1, batch)])
        spiral.fetch_batches()
        assert len(spiral.queue) == kept
        spiral.queue.clear()
    assert spiral.stale_batches == stale + 1


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
    limit = spiral.spiral_config.settings.system.max_lag
    seen: list[int] = []
    work, request = PolicyGroupLearner.work, Spiral.request_batches

    def slow(self: PolicyGroupLearner, training_data: Any, **order: Any) -> dict[str, Any]:
        time.sleep(0.15)
        return work(self, training_data, **order)

    def watched(self: Spiral) -> None:
        request(self)
        seen.append(self.runners.num_in_flight_async_reqs("sample") + len(self.queue))

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
        Trainer(settings).run(folder)
    assert "\n" not in str(caught.value)
    path, _ = checkpoints.latest_good(folder.checkpoints)
    assert path is not None
    assert checkpoints.load(path).update == 0


def test_a_redis_that_refuses_is_one_line(
    images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(ray, "shutdown", lambda: None)
    with RedisServer() as server:
        url = server.url.replace("redis://:", "redis://:not-")
        assert cli.main(["train", str(images), "--run", str(tmp_path / "run"), *options(redis=url)]) == 2
    message = capsys.readouterr().err.strip().splitlines()[-1]
    assert "refuses the user or password in the URL" in message
    assert "not-" not in message


def test_without_a_redis_the_address_is_named() -> None:
    with pytest.raises(ReplayUnavailable, match=r"no Redis at 127\.0\.0\.1:1 for") as caught:
        ReplayHost("redis://:secret@127.0.0.1:1/0", (4, 4, 1), 8)
    assert "secret" not in str(caught.value)


def test_a_shared_redis_is_left_as_it_was_found() -> None:
    with RedisServer() as server, redis.Redis.from_url(server.url) as client:
        client.set("someone else's", 1)
        first, second = (ReplayHost(server.url, (4, 4, 1), 64) for _ in range(2))
        shape = first.spec.shape
        for host, value in ((first, 1), (second, 2)):
            host.replay.push(torch.full((8, *shape), value, dtype=torch.uint8).numpy())
        assert set(first.replay.dump()[0].flat) == {1}
        assert set(second.replay.dump()[0].flat) == {2}
        first.close()
        assert len(second.replay) == 8
        second.close()
        assert client.keys() == [b"someone else's"]


@pytest.mark.slow
def test_training_outlives_a_shared_redis_that_goes_and_comes_back(images: Path) -> None:
    with RedisServer() as server, redis.Redis.from_url(server.url) as client:
        one, two = (build(tiny_settings(images, minutes=60, redis=server.url)) for _ in range(2))
        for algorithm in (one, two):
            train_until(algorithm, lambda latest: latest["updates"] > 3)
        prefixes = {key.split(b":")[1] for key in client.keys("impasto:*")}
        assert prefixes == {algorithm.replay_host.spec.run_id.encode() for algorithm in (one, two)}
        two.stop()
        server.stop()
        train_until(one, lambda latest: "note" in latest, seconds=90)
        assert "no Redis at 127.0.0.1:" in one.latest["note"]
        one.train()
        kept = one.make_checkpoint(replay=False)
        assert kept.update == one.policy_updates
        assert kept.arrays["replay"]["canvases"].shape == (0, *one.replay_host.spec.shape)
        server.restart()
        one.restore_checkpoint(kept)
        updates, judged = one.policy_updates, one.discriminator_updates
        train_until(
            one,
            lambda latest: latest.get("updates", 0) > updates + 3 and latest["discriminator/updates"] > judged + 3,
            seconds=90,
        )
        assert one.latest["runners/restarts"] == 0
        assert one.latest["batches/lost"] == 0
        one.stop()
        assert client.keys() == []


class Ended:
    """Stands for an algorithm whose Redis is away when its run ends."""

    def __init__(self) -> None:
        self.replay_host = self

    def keep_alive(self) -> None:
        raise ReplayUnavailable("no Redis at host:6379")

    def make_checkpoint(self, *, replay: bool) -> checkpoints.Checkpoint:
        assert not replay
        return checkpoints.Checkpoint(7, tensors={"policy": {"weight": torch.ones(3)}}, arrays={}, documents={})


def test_a_run_that_ends_without_redis_keeps_what_it_learned(
    images: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    trainer = Trainer(tiny_settings(images))
    with RunFolder.create(tmp_path / "run", {}) as folder, MetricsWriter(folder.metrics, None) as writer:
        trainer.folder = folder
        trainer.end(cast(Any, Ended()), writer)
    trainer.close()
    path, _ = checkpoints.latest_good(tmp_path / "run" / "checkpoints")
    assert path is not None
    assert checkpoints.load(path).update == 7
    assert f"warning: no Redis at host:6379; {path} holds everything but the replay" in capsys.readouterr().err


class FailingGroup:
    """A learner group whose process raises, or is gone."""

    def __init__(self, error: Exception | None) -> None:
        self.error = error

    def __len__(self) -> int:
        return 1

    def update(self, **order: Any) -> list[Any]:
        if self.error is not None:
            raise self.error
        return []


def test_a_link_unwraps_what_was_raised_in_a_learners_process() -> None:
    inside = NonFiniteLoss("policy update 7: loss nan, gradient norm 1")
    error = RayTaskError("update", "Traceback:\n a page of it", inside).as_instanceof_cause()
    link = LearnerLink(FailingGroup(error))  # type: ignore[arg-type]
    link.submit([])
    with pytest.raises(NonFiniteLoss, match=r"^policy update 7: loss nan, gradient norm 1$"):
        link.results(wait=True)
    link.close()


@pytest.mark.parametrize("error", [None, ray.exceptions.RayActorError()])
def test_a_link_says_that_its_learner_died(error: Exception | None) -> None:
    link = LearnerLink(FailingGroup(error))  # type: ignore[arg-type]
    link.submit([])
    with pytest.raises(LearnerDied, match="a learner process died"):
        link.results(wait=True)
    link.close()


def pid_of(learner: GroupLearner) -> int:
    return os.getpid()


def weights_of(learner: GroupLearner) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in learner.network.state_dict().items()}


@pytest.mark.slow
def test_a_killed_learner_process_means_a_restart_from_the_last_checkpoint(
    images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = tiny_settings(images, minutes=0.2, checkpoint_minutes=0.02, policy_learners=1, discriminator_learners=1)
    kills: list[int] = []
    report = Spiral.report

    def deadly(self: Spiral) -> None:
        report(self)
        if not kills and self.trained_seconds > 4:
            kills.append(next(iter(self.discriminator_group.foreach_learner(pid_of))).get())
            os.kill(kills[0], signal.SIGKILL)

    monkeypatch.setattr(Spiral, "report", deadly)
    with RunFolder.create(tmp_path / "run", settings.to_json()) as folder:
        outcome = Trainer(settings).run(folder)
    assert len(kills) == 1
    assert outcome.reason == "finished"
    rows = read_metrics(folder.metrics)
    (marker,) = [number for number, row in enumerate(rows) if row.get("event") == "resume"]
    before = [row for row in rows[:marker] if "progress" in row]
    assert rows[marker]["update"] > 0
    assert outcome.updates > rows[marker]["update"]
    assert before[-1]["elapsed_s"] > 4


@pytest.mark.slow
def test_two_policy_learners_stay_equal_also_when_one_loses_its_batch(images: Path) -> None:
    algorithm = build(tiny_settings(images, minutes=60, actors=2, policy_learners=2, discriminator_learners=1))
    try:
        train_until(algorithm, lambda latest: latest["updates"] > 4)
        algorithm.collect(everything=True)
        while {batch["actor"] for batch in algorithm.queue} != {1, 2}:
            algorithm.request_batches()
            algorithm.fetch_batches()
        before = algorithm.policy_updates
        kill(actor_pids(algorithm)[0])
        time.sleep(2.0)  # until Ray has freed what it owned
        train_until(algorithm, lambda latest: latest["batches/lost"] > 0)
        train_until(algorithm, lambda latest: latest["updates"] > before + 3)
        algorithm.collect(everything=True)
        first, second = (result.get() for result in algorithm.policy_group.foreach_learner(weights_of))
        assert first.keys() == second.keys()
        assert all(torch.equal(first[name], second[name]) for name in first)
        batch = algorithm.spiral_config.settings.system.canvases * algorithm.spiral_config.settings.paint.num_actions
        assert algorithm.trained_steps == 2 * batch * algorithm.policy_updates
    finally:
        algorithm.stop()
