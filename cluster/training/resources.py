"""Resources that a run's processes need, compared with those that its Ray cluster has."""

from __future__ import annotations

import math
from typing import Any

import ray

from cluster.errors import UserError

ONE_NODE = "a Redis started here answers this node alone"
SPARE_CPUS = 3
"""CPUs of a private Ray beyond those that a run reserves, so that `impasto scale` can add actors on few cores, too."""
SHARED_REDIS = "give --redis the URL of one that all nodes reach"


def needed(system: Any) -> dict[str, float]:
    """Return the CPUs and GPUs that a run's actors and learner processes reserve, by Ray's names.

    Args:
        system: Settings of the run's processes.
    """
    learners = system.policy_learners + getattr(system, "discriminator_learners", 0)
    gpus = whole_gpus(system.learner_gpus, learners)
    services = system.inference_threads if getattr(system, "inference", "actor") == "server" else 0
    return {"CPU": float(system.actors + services + (0 if gpus else learners)), "GPU": gpus}


def whole_gpus(share: float, learners: int) -> float:
    """GPUs that hold learners of `share` GPUs each; a learner is never spread over two halves.

    >>> whole_gpus(0.5, 2), whole_gpus(0.6, 3), whole_gpus(2.0, 2)
    (1.0, 3.0, 4.0)
    """
    if not share or share >= 1:
        return share * learners
    on_each = math.floor(1 / share + 1e-9)
    return float(math.ceil(learners / on_each))


def lacking(need: dict[str, float], have: dict[str, float]) -> str:
    """Say in a phrase what is needed and not there; empty if nothing is."""
    short = [
        f"{need[name]:g} {name}s, there are {have.get(name, 0):g}" for name in need if need[name] > have.get(name, 0)
    ]
    return " and ".join(short)


def require(need: dict[str, float]) -> None:
    """Refuse a run that this private Ray, which never gets more, can not hold.

    Raises:
        UserError: Something is missing, or Ray's node has died.
    """
    have = ray.cluster_resources()  # type: ignore[no-untyped-call]
    if not have.get("CPU"):
        raise UserError(
            "Ray's node is gone: its raylet was killed, or answered too late on a busy machine; go on with `impasto "
            "resume`, or give the command with --or-resume again"
        )
    if short := lacking(need, have):
        raise UserError(
            f"this run needs {short}: fewer --actors, --policy-learners, --discriminator-learners or --learner-gpus, "
            "or --address of a cluster that has them"
        )


def stay_here(config: Any, system: Any) -> int | None:
    """Keep a run's actors on this node, as its Redis, which was started here, answers no other.

    A node that joins later, for `impasto scale` or of an autoscaling cluster, is thus never given an actor that waits
    for Redis in vain.

    Args:
        config: An `AlgorithmConfig` that is not built yet.
        system: Settings of the run's processes.

    Returns:
        The actors that this node has room for; None in a placement group, which holds what it has reserved.

    Raises:
        ValueError: This node has no room for the run, or its resources are reserved on others too.
    """
    own = ray.get_runtime_context().get_node_id()
    group = ray.util.get_current_placement_group()
    if group is not None:
        placed = ray.util.placement_group_table(group)["bundles_to_node_id"].values()
        if {*placed} - {own, ""}:
            raise ValueError(f"redis: {ONE_NODE}, and this run's resources are on several; {SHARED_REDIS}")
        return None
    node = next(each for each in ray.nodes() if each["NodeID"] == own)  # type: ignore[no-untyped-call]
    need = needed(system)
    if short := lacking(need, node["Resources"]):
        raise ValueError(f"redis: {ONE_NODE}, where the run needs {short}; {SHARED_REDIS}")
    config.env_runners(custom_resources_per_env_runner={f"node:{node['NodeManagerAddress']}": 0.001})
    return int(node["Resources"]["CPU"] - (need["CPU"] - system.actors))


def waited_for(need: dict[str, float]) -> str:
    """Say in a line what a run that is being built waits for; asks the cluster."""
    if short := lacking(need, ray.cluster_resources()):  # type: ignore[no-untyped-call]
        return f"waiting for {short}"
    if short := lacking(need, ray.available_resources()):  # type: ignore[no-untyped-call]
        return f"its processes start, or wait for resources that others use: {short} free"
    return "its processes start"
