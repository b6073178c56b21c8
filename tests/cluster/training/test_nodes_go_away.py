"""Actors on several nodes, one of which goes away: nodes are processes of this machine, the driver is a real one."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ray.cluster_utils import Cluster

from cluster.metrics.log import read_metrics
from cluster.replay.server import RedisServer
from tests.helpers.tiny_run import end, launch, options, wait_until

pytestmark = pytest.mark.slow


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Iterator[Cluster]:
    """A head without CPUs for work, as ``deploy/`` sets it up."""
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    cluster = Cluster(
        initialize_head=True,
        head_node_args={"num_cpus": 0, "include_dashboard": False, "object_store_memory": 100_000_000},
    )
    yield cluster
    cluster.shutdown()


def node(cluster: Cluster) -> Any:
    """One more node, with room for one actor."""
    return cluster.add_node(num_cpus=1, object_store_memory=100_000_000)


def last_row(run: Path) -> dict[str, Any]:
    """The newest row of an iteration, or nothing."""
    path = run / "metrics.jsonl"
    rows = [row for row in read_metrics(path) if "runners/healthy" in row] if path.exists() else []
    return rows[-1] if rows else {}


def test_training_goes_on_when_a_node_dies_and_takes_a_new_one_in(
    cluster: Cluster, images: Path, tmp_path: Path
) -> None:
    first = node(cluster)
    node(cluster)
    run = tmp_path / "run"
    with RedisServer() as server:
        arguments = ["train", str(images), "--run", str(run), "--address", cluster.address]
        driver = launch(
            [*arguments, *options(minutes=30, actors=2, max_lag=6, checkpoint_minutes=30, redis=server.url)],
            tmp_path / "log",
        )
        try:
            wait_until(lambda: last_row(run).get("runners/healthy") == 2, 180, "both actors")
            wait_until(lambda: last_row(run)["updates"] > 10, 60, "updates of both")
            cluster.remove_node(first, allow_graceful=False)
            wait_until(lambda: last_row(run)["runners/healthy"] == 1, 120, "the loss of an actor to be noticed")
            steps = last_row(run)["env_steps"]
            wait_until(lambda: last_row(run)["env_steps"] > steps + 1000, 120, "training with the other one")
            assert last_row(run)["runners/restarts"] == 0
            node(cluster)
            wait_until(lambda: last_row(run)["runners/healthy"] == 2, 120, "the actor on the new node")
            assert last_row(run)["runners/restarts"] == 1
            os.kill(driver.pid, signal.SIGINT)
            assert driver.wait(180) == 0, (tmp_path / "log").read_text()
        finally:
            end(driver)
    assert "interrupted after" in (tmp_path / "log").read_text()
