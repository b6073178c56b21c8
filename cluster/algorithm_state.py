"""What a checkpoint holds of the algorithm, and how it is taken back."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from ray.exceptions import RayActorError
from ray.rllib.core.learner.learner_group import LearnerGroup

from cluster.checkpoints import Checkpoint
from cluster.learner_groups import export_state, restore_state
from cluster.learner_link import LearnerDied

if TYPE_CHECKING:
    from cluster.algorithm import Spiral


def make_checkpoint(algorithm: Spiral) -> Checkpoint:
    """Weights and optimisers of both learners, the replay, the counters. No update may be outstanding."""
    policy = first_result(algorithm.policy_group, export_state)
    discriminator = first_result(algorithm.discriminator_group, export_state)
    canvases, total = algorithm.replay.dump()
    return Checkpoint(
        update=algorithm.policy_updates,
        tensors={
            "policy": policy["weights"],
            "policy_optimizer": policy["optimizer"],
            "discriminator": discriminator["weights"],
            "discriminator_optimizer": discriminator["optimizer"],
        },
        arrays={"replay": {"canvases": canvases}},
        documents={
            "counters": {
                "trained_seconds": algorithm.trained_seconds,
                "trained_steps": algorithm.trained_steps,
                "replay_total": total,
                "restarts": algorithm.spiral_config.restarts,
                "policy": policy["counters"],
                "discriminator": discriminator["counters"],
            },
            "optimizers": {"policy": policy["groups"], "discriminator": discriminator["groups"]},
        },
    )


def restore_checkpoint(algorithm: Spiral, checkpoint: Checkpoint) -> None:
    """Put everything back where :func:`make_checkpoint` took it from."""
    counters, groups = checkpoint.documents["counters"], checkpoint.documents["optimizers"]
    for name, group in (("policy", algorithm.policy_group), ("discriminator", algorithm.discriminator_group)):
        state = {
            "weights": checkpoint.tensors[name],
            "optimizer": checkpoint.tensors[f"{name}_optimizer"],
            "groups": groups[name],
            "counters": counters[name],
        }
        first_result(group, functools.partial(restore_state, state=state))
    algorithm.policy_updates = int(counters["policy"]["updates"])
    algorithm.discriminator_updates = int(counters["discriminator"]["updates"])
    algorithm.trained_seconds = float(counters["trained_seconds"])
    algorithm.trained_steps = algorithm.sampled_steps = int(counters["trained_steps"])
    canvases = checkpoint.arrays["replay"]["canvases"]
    if len(canvases):
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
