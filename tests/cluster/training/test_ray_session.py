"""The start of a private Ray on a machine that is busy. No Ray."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import ray
from ray._private import services

from cluster.errors import UserError
from cluster.training import ray_session


@pytest.fixture(autouse=True)
def nothing_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ray, "is_initialized", lambda: False)
    monkeypatch.setattr(ray_session.time, "sleep", lambda seconds: None)
    monkeypatch.delenv("RAY_ADDRESS", raising=False)


def test_rays_processes_are_given_longer_than_ray_gives_them(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []

    def get_node(*given: Any) -> str:
        asked.append(given)
        if len(asked) < 4:
            raise RuntimeError("GCS cannot find the node")
        return "node"

    monkeypatch.setattr(services, "get_node", get_node)
    with ray_session.patience():
        assert services.get_node("address", "id") == "node"
    assert asked == [("address", "id")] * 4
    assert services.get_node is get_node, "as before"
    asked.clear()
    with ray_session.patience(seconds=-1.0), pytest.raises(RuntimeError):
        services.get_node("address", "id")
    asked.clear()
    raylet: Any = SimpleNamespace(args=["/bin/raylet", "--head"], poll=lambda: 1)
    with ray_session.patience([raylet]), pytest.raises(RuntimeError):
        services.get_node("address", "id")


def test_a_machine_that_is_too_busy_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    ended: list[int] = []

    class Process:
        def kill(self) -> None:
            ended.append(1)

        def wait(self) -> None:
            ended.append(2)

    def init(**options: Any) -> None:
        services.ConsolePopen(["/bin/gcs_server"])
        raise Exception("The current node timed out during startup. This could happen because")

    monkeypatch.setattr(ray, "init", init)
    monkeypatch.setattr(ray, "shutdown", lambda: None)
    monkeypatch.setattr(services, "ConsolePopen", lambda command, **options: Process())
    with pytest.raises(UserError, match=r"Ray did not start in . attempts on a machine that is too busy: .*timed out"):
        ray_session.start_ray()
    assert ended == [1, 2] * ray_session.STARTS, "what an attempt has started is ended before the next"
