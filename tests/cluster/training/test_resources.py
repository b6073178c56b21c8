"""A run whose Redis answers one node alone stays on that node, or is refused."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import ray

from cluster.errors import UserError
from cluster.painter.settings import preset
from cluster.painter.spiral import SpiralConfig
from cluster.training import resources

HERE = {"NodeID": "here", "NodeManagerAddress": "10.0.0.1", "Resources": {"CPU": 8.0, "node:10.0.0.1": 1.0}}
THERE = {"NodeID": "there", "NodeManagerAddress": "10.0.0.2", "Resources": {"CPU": 64.0}}


@pytest.fixture
def node(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    monkeypatch.setattr(ray, "get_runtime_context", lambda: SimpleNamespace(get_node_id=lambda: "here"))
    monkeypatch.setattr(ray, "nodes", lambda: [THERE, HERE])
    monkeypatch.setattr(ray.util, "get_current_placement_group", lambda: None)
    return monkeypatch


def stay(actors: int, learners: int = 0) -> tuple[SpiralConfig, int | None]:
    settings = preset("laptop").replace(actors=actors, policy_learners=learners)
    config = SpiralConfig().use(settings)
    return config, resources.stay_here(config, settings.system)


@pytest.mark.usefixtures("node")
def test_actors_stay_where_their_redis_is() -> None:
    config, most = stay(actors=3, learners=2)
    assert most == 6
    assert config.custom_resources_per_env_runner == {"node:10.0.0.1": 0.001}


@pytest.mark.usefixtures("node")
def test_an_inference_service_reserves_the_cpus_that_it_computes_with() -> None:
    settings = preset("laptop").replace(actors=3, inference="server", inference_threads=2)
    assert resources.needed(settings.system) == {"CPU": 5.0, "GPU": 0.0}
    assert resources.stay_here(SpiralConfig().use(settings), settings.system) == 6


@pytest.mark.usefixtures("node")
def test_a_run_that_the_node_has_no_room_for_is_refused() -> None:
    """As on a head without CPUs for work, whose workers the autoscaler is still to start."""
    with pytest.raises(ValueError, match=r"this node alone, where the run needs 9 CPUs, there are 8; give --redis"):
        stay(actors=9)


@pytest.mark.parametrize(("nodes", "refused"), [(["here", "here"], False), (["here", "there"], True)])
def test_a_placement_group_has_to_be_on_one_node(node: pytest.MonkeyPatch, nodes: list[str], refused: bool) -> None:
    table: dict[str, Any] = {"bundles_to_node_id": dict(enumerate(nodes))}
    node.setattr(ray.util, "get_current_placement_group", lambda: "group")
    node.setattr(ray.util, "placement_group_table", lambda group: table)
    if refused:
        with pytest.raises(ValueError, match="this run's resources are on several"):
            stay(actors=1)
    else:
        config, most = stay(actors=1)
        assert most is None
        assert not config.custom_resources_per_env_runner


def test_a_node_that_died_is_not_taken_for_one_that_is_too_small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ray, "cluster_resources", lambda: {})
    with pytest.raises(UserError, match=r"^Ray's node is gone: .*--or-resume"):
        resources.require({"CPU": 2.0, "GPU": 0.0})
    monkeypatch.setattr(ray, "cluster_resources", lambda: {"CPU": 1.0})
    with pytest.raises(UserError, match=r"^this run needs 2 CPUs, there are 1: "):
        resources.require({"CPU": 2.0, "GPU": 0.0})
