"""RLlib's environment runner in the driver of a run whose actors RLlib does not make: it only tells the spaces."""

from __future__ import annotations

from typing import Any

from ray.rllib.core import DEFAULT_MODULE_ID
from ray.rllib.env import INPUT_ENV_SPACES

from actors.runner import StatelessRunner
from envs.worlds import make_world


class SpacesRunner(StatelessRunner):
    """Tells RLlib the spaces of the worlds in which actors outside of RLlib act.

    Args:
        config: has `settings`, whose `world` says which worlds.
        kwargs: for RLlib's `EnvRunner`.
    """

    def __init__(self, *, config: Any, **kwargs: Any) -> None:
        super().__init__(config=config, **kwargs)
        world = make_world(1, config.settings.world)
        self.spaces = (world.single_observation_space, world.single_action_space)
        world.close()

    def get_spaces(self) -> dict[str, Any]:
        """Observation and action space of one world."""
        return {INPUT_ENV_SPACES: self.spaces, DEFAULT_MODULE_ID: self.spaces}

    def sample(self, **kwargs: Any) -> Any:
        """Raise RuntimeError: this runner does not act."""
        raise RuntimeError("sample: this runner only tells the spaces")

    def assert_healthy(self) -> None:
        """Do nothing: there is nothing that could break."""

    def stop(self) -> None:
        """Do nothing."""
