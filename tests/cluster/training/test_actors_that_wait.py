"""Actors that owe answers: how many, from when on, and whose fault it is; with services that have no process."""

from __future__ import annotations

import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest
import ray
from ray.rllib.utils.actor_manager import FaultTolerantActorManager

from cluster.painter.spiral import Spiral
from cluster.training.env_runner_pool import EnvRunnerPool
from cluster.training.inference_pool import InferencePool
from tests.helpers.tiny_run import wait_until


class Painter:
    """An actor that fails, or that answers at once, or after `seconds`."""

    def introduce(self) -> tuple[int, str]:
        return 1, ray.get_runtime_context().get_node_id()

    def apply(self, func: Callable[..., Any] | str, *args: Any, **kwargs: Any) -> Any:
        return getattr(self, func)() if isinstance(func, str) else func(self, *args, **kwargs)

    def sample_refs(self, seconds: float = 0.0, fail: bool = False) -> dict[str, int]:
        time.sleep(seconds)
        if fail:
            raise RuntimeError("no canvas")
        return {"incarnation": 1}


@pytest.fixture
def pool(private_ray: None) -> Iterator[EnvRunnerPool]:
    manager = FaultTolerantActorManager([])
    group: Any = SimpleNamespace(_worker_manager=manager, healthy_env_runner_ids=manager.healthy_actor_ids)
    painter: Any = ray.remote(num_cpus=0)(Painter)
    actors = EnvRunnerPool(group, 3, lambda number: painter.remote(), 1)
    wait_until(lambda: actors.revive() == [1], 60, "the actor")
    yield actors
    actors.close()


def test_an_actor_has_as_many_requests_in_flight_as_the_configuration_allows(pool: EnvRunnerPool) -> None:
    assert [pool.request(1, seconds=0.2) for _ in range(4)] == [1, 1, 1, 0]


def test_an_actor_that_failed_owes_nothing_when_it_is_back(pool: EnvRunnerPool) -> None:
    pool.request(1, fail=True)
    assert pool.fetch(60) == []
    assert pool.working == []
    wait_until(lambda: pool.revive() == [1], 60, "the actor")
    assert pool.overdue() == {}


def test_actors_of_other_nodes_are_not_excused(pool: EnvRunnerPool) -> None:
    pool.request(1, seconds=60.0)
    time.sleep(0.5)
    pool.excuse({"another"})
    before = pool.overdue()[1]
    assert before >= 0.5
    pool.excuse({pool.nodes[1]})
    assert pool.overdue()[1] < before


class Answered(deque[float]):
    """Times of requests, of which another thread takes the last one in as soon as somebody has looked at them."""

    def __bool__(self) -> bool:
        self.clear()
        return True


def test_another_thread_that_asks_what_is_owed_neither_fails_nor_changes_anything() -> None:
    pool = object.__new__(EnvRunnerPool)  # it would start actors
    healthy = [1]
    manager: Any = SimpleNamespace(num_actors=lambda: 2)
    group: Any = SimpleNamespace(healthy_env_runner_ids=lambda: healthy)
    pool.manager, pool.group, pool.wanted = manager, group, 2
    pool.asked_at = defaultdict(deque, {1: Answered([time.monotonic() - 9]), 2: deque([time.monotonic() - 9])})
    assert pool.owed(5.0) == ["actor 1 for 9 s", "1 of 2 actors, which are being started or have no room"]
    assert set(pool.asked_at) == {1, 2}
    assert set(pool.overdue()) == {1}
    assert set(pool.asked_at) == {1}, "what was asked of an actor that is away is lost"


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Nodes on which services are started; no service answers by itself."""
    started: list[str] = []
    nodes = [{"NodeID": node, "Alive": True, "Resources": {"CPU": 1.0}} for node in ("here", "full")]
    monkeypatch.setattr(ray, "nodes", lambda: nodes)
    monkeypatch.setattr(ray, "wait", lambda *_, **__: ([], []))
    return started


def services(started: list[str], only: str | None = None) -> InferencePool:
    def make(node: str) -> Any:
        started.append(node)
        return SimpleNamespace(pulse=SimpleNamespace(remote=object))

    return InferencePool(make, only)


def test_services_are_only_where_actors_can_be(cluster: list[str]) -> None:
    services(cluster, "here")
    assert cluster == ["here"]
    services(cluster)
    assert sorted(cluster[1:]) == ["full", "here"]


def test_a_node_without_a_free_cpu_excuses_no_actor_of_another_node(
    cluster: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Spiral, "learner_groups", {})
    algorithm = object.__new__(Spiral)  # it would start a run
    algorithm.services = services(cluster)
    algorithm.weights, algorithm.epoch = None, 0
    excused: list[Any] = []
    pool: Any = SimpleNamespace(nodes={}, excuse=lambda nodes: excused.append(set(nodes)), owed=lambda seconds: [])
    algorithm.pool, algorithm.clients = pool, []
    algorithm.services.members["here"].pulse = SimpleNamespace(silent=0.0)
    algorithm.services.send = lambda member: None  # type: ignore[method-assign]

    pool.nodes[1] = "here"
    algorithm.weights_for_actors(1)
    assert excused == []
    assert algorithm.waits_for() == "nothing that is known is waited for"

    pool.nodes[2] = "full"
    algorithm.weights_for_actors(2)
    assert excused == [{"full"}]
    assert algorithm.waits_for() == "waiting for an inference service for 0 s"
