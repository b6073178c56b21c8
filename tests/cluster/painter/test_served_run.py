"""A run whose actors have an inference service: it learns, and goes on when its service dies or hangs."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
import ray

from cluster.painter.spiral import Spiral
from tests.helpers.live_run import actor_pids, build, train_until
from tests.helpers.tiny_run import assert_catalogued, tiny_settings

pytestmark = pytest.mark.usefixtures("private_ray")


@pytest.fixture(scope="module")
def spiral(images: Path, private_ray: None) -> Iterator[Spiral]:
    algorithm = build(tiny_settings(images, minutes=60, actors=2, max_lag=1, inference="server"))
    yield algorithm
    (path,) = {
        each.laddr
        for each in psutil.Process(service_pid(algorithm)).net_connections("unix")
        if "impasto-" in each.laddr
    }
    algorithm.stop()
    assert not Path(path).parent.exists(), "the service leaves nothing behind"


def test_it_learns_from_actors_that_load_neither_torch_nor_rllib(spiral: Spiral) -> None:
    train_until(spiral, lambda latest: latest["updates"] > 4, 240)
    train_until(spiral, lambda latest: latest.get("inference/batch", 0) > 0, 60)
    assert_catalogued([spiral.latest])
    assert spiral.latest["runners/healthy"] == 2
    for pid in actor_pids(spiral):
        loaded = Path(f"/proc/{pid}/maps").read_text()
        assert "pymypaint" in loaded
        assert "libtorch" not in loaded


def test_lag_is_bounded_and_the_ratio_at_lag_zero_is_one(spiral: Spiral) -> None:
    train_until(spiral, lambda latest: "policy/ratio_at_lag_0" in latest, 240)
    assert spiral.latest["policy/ratio_at_lag_0"] >= 0.999
    assert spiral.latest["lag/max"] <= 1


def service_pid(algorithm: Spiral) -> int:
    """Process of the only inference service."""
    assert algorithm.services is not None
    (member,) = algorithm.services.members.values()
    return int(ray.get(member.handle.process.remote()))


@pytest.mark.parametrize("fault", [signal.SIGKILL, signal.SIGSTOP])
def test_a_service_that_dies_or_hangs_is_replaced_and_the_actors_go_on(spiral: Spiral, fault: signal.Signals) -> None:
    assert spiral.services is not None
    services = spiral.services
    services.patience = 15.0
    train_until(spiral, lambda latest: latest["updates"] > 4, 240)
    restarts, hung, pids = services.restarts, services.hung, actor_pids(spiral)
    struck = service_pid(spiral)
    try:
        os.kill(struck, fault)
        if fault == signal.SIGSTOP:
            begin = time.monotonic()
            train_until(spiral, lambda latest: latest["inference/hung"] == hung + 1, 240)
            assert time.monotonic() - begin >= 10
        updates = spiral.policy_updates
        train_until(spiral, lambda latest: latest["inference/restarts"] == restarts + 1, 240)
        train_until(spiral, lambda latest: latest["updates"] > updates + 4, 240)
        assert service_pid(spiral) != struck
        assert actor_pids(spiral) == pids
        assert spiral.latest["runners/hung"] == spiral.latest["runners/restarts"] == 0
    finally:
        if psutil.pid_exists(struck):
            os.kill(struck, signal.SIGKILL)
