"""A check of a stored painter before its networks are made: the run may be a stranger's."""

from __future__ import annotations

from cluster.painter.settings import PainterSettings
from cluster.runs.checkpoints import Checkpoint
from learners.networks.build import build_discriminator, build_policy
from learners.networks.fit import require_fit


def require_networks(settings: PainterSettings, checkpoint: Checkpoint, *, discriminator: bool = False) -> None:
    """Refuse a checkpoint whose weights are not those of the run's networks, before anything of their size is made.

    Args:
        settings: Of the run.
        checkpoint: Of the run.
        discriminator: Whether it must have one; an agent may be packed without one.

    Raises:
        ValueError: One line that names the first tensor that is wrong.
    """
    world = settings.world
    weights = checkpoint.tensors
    require_fit(
        lambda: build_policy(settings.policy, world.action_spec, world.canvas_shape, world.num_actions),
        weights.get("policy", {}),
        "policy",
    )
    if discriminator or "discriminator" in weights:
        require_fit(
            lambda: build_discriminator(settings.discriminator, settings.discriminator_shape, settings.joint),
            weights.get("discriminator", {}),
            "discriminator",
        )
