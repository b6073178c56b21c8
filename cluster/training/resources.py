"""Resources that a run's processes need, compared with those that its Ray cluster has."""

from __future__ import annotations

from typing import Any

import ray

from cluster.errors import UserError


def needed(system: Any) -> dict[str, float]:
    """Return the CPUs and GPUs that a run's actors and learner processes reserve, by Ray's names.

    Args:
        system: Settings of the run's processes.
    """
    learners = system.policy_learners + getattr(system, "discriminator_learners", 0)
    gpus = float(system.learner_gpus * learners)
    services = int(getattr(system, "inference", "actor") == "server")
    return {"CPU": float(system.actors + services + (0 if gpus else learners)), "GPU": gpus}


def lacking(need: dict[str, float], have: dict[str, float]) -> str:
    """Say in a phrase what is needed and not there; empty if nothing is."""
    short = [
        f"{need[name]:g} {name}s, there are {have.get(name, 0):g}" for name in need if need[name] > have.get(name, 0)
    ]
    return " and ".join(short)


def require(need: dict[str, float]) -> None:
    """Refuse a run that this private Ray, which never gets more, can not hold.

    Raises:
        UserError: Something is missing.
    """
    if short := lacking(need, ray.cluster_resources()):  # type: ignore[no-untyped-call]
        raise UserError(
            f"this run needs {short}: fewer --actors, --policy-learners, --discriminator-learners or --learner-gpus, "
            "or --address of a cluster that has them"
        )


def waited_for(need: dict[str, float]) -> str:
    """Say in a line what a run that is being built waits for; asks the cluster."""
    if short := lacking(need, ray.cluster_resources()):  # type: ignore[no-untyped-call]
        return f"waiting for {short}"
    if short := lacking(need, ray.available_resources()):  # type: ignore[no-untyped-call]
        return f"its processes start, or wait for resources that others use: {short} free"
    return "its processes start"
