"""What a checkpoint holds of the algorithm and how it is taken back; what can change in a live one; what it takes."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ray.exceptions import RayActorError
from ray.rllib.core.learner.learner_group import LearnerGroup
from ray.tune import PlacementGroupFactory

from cluster.painter.learners import adopt_settings, export_state, live_values, restore_state
from cluster.painter.settings import RunSettings
from cluster.runs.checkpoints import Checkpoint
from cluster.training.learner_client import LearnerDied

if TYPE_CHECKING:
    from cluster.painter.spiral import Spiral

#: Settings that a live algorithm can change: its learners read them at each update.
CHANGEABLE = (
    "policy_learning_rate",
    "policy_final_learning_rate",
    "entropy_cost",
    "final_entropy_cost",
    "discriminator_learning_rate",
    "minutes",
    "steps",
)


def make_checkpoint(algorithm: Spiral, *, replay: bool = True) -> Checkpoint:
    """Weights and optimisers of both learners, the replay (or an empty ring), the counters. No update may be
    outstanding. A ring that is shared with other runs is none of this one's state."""
    groups = {"policy": algorithm.policy_group, "discriminator": algorithm.discriminator_group}
    documents, tensors = learner_state({name: first_result(group, export_state) for name, group in groups.items()})
    own = replay and not algorithm.shares_discriminator
    canvases, total = algorithm.replay.dump() if own else algorithm.replay.empty()
    documents["counters"] |= {
        "trained_seconds": algorithm.trained_seconds,
        "trained_steps": algorithm.trained_steps,
        "replay_total": total,
        "restarts": algorithm.spiral_config.restarts,
    }
    return Checkpoint(
        update=algorithm.policy_updates, tensors=tensors, arrays={"replay": {"canvases": canvases}}, documents=documents
    )


def learner_state(states: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Documents and tensors of a checkpoint, from what each learner (by name) exports."""
    tensors: dict[str, Any] = {}
    for name, state in states.items():
        tensors |= {name: state["weights"], f"{name}_optimizer": state["optimizer"]}
    documents = {
        "counters": {name: state["counters"] for name, state in states.items()},
        "optimizers": {name: state["groups"] for name, state in states.items()},
    }
    return documents, tensors


def restore_learners(learners: Mapping[str, LearnerGroup], checkpoint: Checkpoint) -> None:
    """Put back what :func:`learner_state` took of these learners."""
    counters, groups = checkpoint.documents["counters"], checkpoint.documents["optimizers"]
    for name, group in learners.items():
        state = {
            "weights": checkpoint.tensors[name],
            "optimizer": checkpoint.tensors[f"{name}_optimizer"],
            "groups": groups[name],
            "counters": counters[name],
        }
        first_result(group, functools.partial(restore_state, state=state))


def restore_checkpoint(algorithm: Spiral, checkpoint: Checkpoint) -> None:
    """Put everything back where :func:`make_checkpoint` took it from; a discriminator that others use too, and their
    ring, go on as they are."""
    counters = checkpoint.documents["counters"]
    restore_learners(algorithm.own_learners, checkpoint)
    algorithm.policy_updates = int(counters["policy"]["updates"])
    if "discriminator" in algorithm.own_learners:
        algorithm.discriminator_updates = int(counters["discriminator"]["updates"])
    algorithm.trained_seconds = float(counters["trained_seconds"])
    algorithm.trained_steps = algorithm.sampled_steps = int(counters["trained_steps"])
    canvases = checkpoint.arrays["replay"]["canvases"]
    if len(canvases) and not algorithm.shares_discriminator:
        algorithm.replay.load(canvases, int(counters["replay_total"]))


def first_result(group: LearnerGroup, function: Any) -> Any:
    """Call ``function`` on every learner of ``group``; the first one's answer, or its error raised.

    Raises:
        LearnerDied: the group lost a process.
    """
    answers = [result.get() for result in group.foreach_learner(function)]  # type: ignore[no-untyped-call]
    if not answers or any(isinstance(answer, RayActorError) for answer in answers):
        raise LearnerDied("a learner process died")
    for answer in answers:
        if isinstance(answer, Exception):
            raise answer
    return answers[0]


def reset_settings(algorithm: Spiral, settings: RunSettings) -> bool:
    """Have a live algorithm go on under other settings, from its next update on.

    The optimisers hold the new step sizes when this returns.

    Returns:
        False, with nothing changed, where more than :data:`CHANGEABLE` differs.
    """
    present = algorithm.spiral_config.settings
    parts = (present.policy, present.discriminator, present.system)
    kept = {
        field.name: getattr(part, field.name)
        for part in parts
        for field in dataclasses.fields(part)
        if field.name in CHANGEABLE
    }
    if settings.replace(**kept) != present:
        return False
    algorithm.collect(everything=True)
    config = algorithm.spiral_config.copy(copy_frozen=False)
    config.settings = settings
    config.freeze()
    algorithm.config = config
    for group in algorithm.own_learners.values():
        first_result(group, functools.partial(adopt_settings, settings=settings, progress=algorithm.progress))
    return True


def read_live_values(algorithm: Spiral) -> dict[str, float]:
    """``policy_learning_rate``, ``entropy_cost``, ``discriminator_learning_rate`` as the next updates will use them."""
    ask = functools.partial(live_values, progress=algorithm.progress)
    policy: dict[str, float] = first_result(algorithm.policy_group, ask)
    discriminator: dict[str, float] = first_result(algorithm.discriminator_group, ask)
    return policy | discriminator


def resource_request(request: Any, config: Any) -> PlacementGroupFactory:
    """RLlib's request with the processes of the discriminator's learner group, of which RLlib does not know.

    Args:
        request: PlacementGroupFactory, what RLlib counts: driver, actors, the policy's learners.
        config: of the algorithm, RLlib's object or a dictionary.
    """
    values = config if isinstance(config, dict) else config.to_dict()
    cpus, gpus = values.get("num_cpus_per_learner", "auto"), values.get("num_gpus_per_learner", 0)
    bundle = {"CPU": (0 if gpus else 1) if cpus == "auto" else cpus, "GPU": gpus}
    learners = values["settings"].system.discriminator_learners
    return PlacementGroupFactory(
        [*request.bundles, *[dict(bundle) for _ in range(learners)]], strategy=request.strategy
    )
