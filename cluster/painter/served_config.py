"""Configuration of actors that an inference service acts for; their processes import this, and no torch with it."""

from __future__ import annotations

from actors.inference.actor import ServedActorConfig
from cluster.runs.own_files import WithOwnFiles


class TravelingActorConfig(WithOwnFiles, ServedActorConfig):
    """Configuration of a served actor, which takes the user's own brush along."""
