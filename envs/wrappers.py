"""Other action spaces for learners that do not take `MultiDiscrete`: one number, a dictionary or a tuple of them."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from envs.lockstep import Observation
from envs.single import SingleEnv

LARGEST = 1 << 20
"""Values that a single discrete action may have: a policy needs a logit for each."""

Env = gym.Env[Observation, NDArray[np.int64]]


class FlattenMultiDiscrete(
    gym.ActionWrapper[Observation, np.int64, NDArray[np.int64]], gym.utils.RecordConstructorArgs
):
    """An action as a single number, for learners with `Discrete` actions such as DQN.

    The number counts through all combinations, the last component fastest (`numpy.unravel_index`).

    Example:
        >>> from envs import PaintEnv
        >>> env = FlattenMultiDiscrete(PaintEnv(grid=8, color=False, brush_sizes=(2.0,), pressure_levels=1))
        >>> env.action_space
        Discrete(8192)
        >>> env.action(np.int64(131)).tolist()  # control 1, end 1, flag 1
        [1, 1, 1]
    """

    def __init__(self, env: Env) -> None:
        """Wrap an environment with `MultiDiscrete` actions.

        Raises:
            ValueError: more combinations than `LARGEST`, or another action space.
        """
        gym.utils.RecordConstructorArgs.__init__(self)
        super().__init__(env)
        self.sizes = multi_discrete(env)
        count = int(np.prod(self.sizes, dtype=np.float64))
        if count > LARGEST:
            raise ValueError(
                f"FlattenMultiDiscrete: {count:.0e} actions, at most {LARGEST} make sense; "
                "give a smaller grid and fewer brush sizes, pressures or colors, or take a learner for MultiDiscrete"
            )
        self.action_space = spaces.Discrete(count)

    def action(self, action: np.int64) -> NDArray[np.int64]:
        """Take a number apart into components int64 [K]."""
        return np.array(np.unravel_index(int(action), self.sizes), np.int64)


class DictActions(gym.ActionWrapper[Observation, dict[str, Any], NDArray[np.int64]], gym.utils.RecordConstructorArgs):
    """An action as a dictionary from each component's name to its value, `Discrete` each."""

    def __init__(self, env: Env) -> None:
        """Wrap one of this package's environments.

        Raises:
            ValueError: another environment, whose components have no names.
        """
        gym.utils.RecordConstructorArgs.__init__(self)
        super().__init__(env)
        if not isinstance(env.unwrapped, SingleEnv):
            raise ValueError(f"DictActions: {env.unwrapped} names no components; use it on impasto's environments")
        self.names = env.unwrapped.worlds.spec_actions.names
        each: list[spaces.Space[Any]] = [spaces.Discrete(int(size)) for size in multi_discrete(env)]
        self.action_space = spaces.Dict(list(zip(self.names, each, strict=True)))

    def action(self, action: dict[str, Any]) -> NDArray[np.int64]:
        """Bring the values into spec order, int64 [K]."""
        return np.array([action[name] for name in self.names], np.int64)


class TupleActions(gym.ActionWrapper[Observation, tuple[Any, ...], NDArray[np.int64]], gym.utils.RecordConstructorArgs):
    """An action as a tuple of `Discrete` components in spec order, for learners such as Sample Factory's."""

    def __init__(self, env: Env) -> None:
        """Wrap an environment with `MultiDiscrete` actions.

        Raises:
            ValueError: another action space.
        """
        gym.utils.RecordConstructorArgs.__init__(self)
        super().__init__(env)
        self.action_space = spaces.Tuple([spaces.Discrete(int(size)) for size in multi_discrete(env)])

    def action(self, action: tuple[Any, ...]) -> NDArray[np.int64]:
        """Make an array int64 [K] of the tuple."""
        return np.array(action, np.int64)


def multi_discrete(env: Env) -> NDArray[np.int64]:
    """Numbers of values of an environment's components, int64 [K].

    Raises:
        ValueError: its actions are not `MultiDiscrete`.
    """
    space = env.action_space
    if not isinstance(space, spaces.MultiDiscrete) or space.nvec.ndim != 1:
        raise ValueError(f"expected an environment with MultiDiscrete actions, got {space}")
    return np.array(space.nvec, np.int64)
