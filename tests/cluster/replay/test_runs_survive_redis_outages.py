"""Runs whose Redis refuses, is absent, or goes and comes back."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest
import ray
import redis
import torch

from cluster import cli
from cluster.metrics.log import MetricsWriter
from cluster.painter.trainer import PainterTrainer
from cluster.replay.buffer import ReplayUnavailable
from cluster.replay.host import ReplayHost
from cluster.replay.server import RedisServer
from cluster.runs import checkpoints
from cluster.runs.folder import RunFolder
from cluster.training.checkpoint_writer import CheckpointWriter
from tests.helpers.live_run import build, train_until
from tests.helpers.tiny_run import options, tiny_settings

pytestmark = pytest.mark.usefixtures("private_ray")


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
        self.clients: list[Any] = []

    def keep_alive(self) -> None:
        raise ReplayUnavailable("no Redis at host:6379")

    def make_checkpoint(self, *, replay: bool) -> checkpoints.Checkpoint:
        assert not replay
        return checkpoints.Checkpoint(7, tensors={"policy": {"weight": torch.ones(3)}}, arrays={}, documents={})


def test_a_run_that_ends_without_redis_keeps_what_it_learned(
    images: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    trainer = PainterTrainer(tiny_settings(images))
    with RunFolder.create(tmp_path / "run", {}) as folder, MetricsWriter(folder.metrics, None) as writer:
        trainer.checkpoint_writer = CheckpointWriter(folder, 1, trainer.disk, None)
        trainer.end(cast(Any, Ended()), writer)
    trainer.close()
    path, _ = checkpoints.latest_good(tmp_path / "run" / "checkpoints")
    assert path is not None
    assert checkpoints.load(path).update == 7
    assert f"warning: no Redis at host:6379; {path} holds everything but the replay" in capsys.readouterr().err
