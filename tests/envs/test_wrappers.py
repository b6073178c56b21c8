"""Other forms of the action space lead to the same strokes."""

import copy
import warnings
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium import spaces
from gymnasium.utils.env_checker import check_env

import envs  # noqa: F401  (registers the environment)
from envs.single import PaintEnv
from envs.wrappers import DictActions, FlattenMultiDiscrete, TupleActions

SMALL = {"grid": 8, "color": False, "brush_sizes": (2.0, 4.0), "pressure_levels": 1, "episode_length": 5}


def small() -> PaintEnv:
    return gym.make("impasto/Paint-v0", **SMALL).unwrapped  # type: ignore[arg-type, return-value]


def test_every_number_is_another_action() -> None:
    env = FlattenMultiDiscrete(small())
    assert env.action_space == spaces.Discrete(8**4 * 2 * 2)
    made = np.stack([env.action(np.int64(number)) for number in range(env.action_space.n)])
    assert len(np.unique(made, axis=0)) == len(made)
    assert (made >= 0).all()
    assert (made < env.sizes).all()


@pytest.mark.parametrize("wrapper", [FlattenMultiDiscrete, DictActions, TupleActions])
def test_wrapped_and_plain_paint_the_same(wrapper: type[Any]) -> None:
    env, plain = wrapper(small()), small()
    env.reset(seed=0)
    plain.reset(seed=0)
    env.action_space.seed(0)
    for _ in range(4):
        action = env.action_space.sample()
        shown, expected = env.step(action)[0], plain.step(env.action(action))[0]
        np.testing.assert_array_equal(shown["canvas"], expected["canvas"])
    assert (shown["canvas"] < 255).any()
    with warnings.catch_warnings():
        warnings.filterwarnings("error")
        warnings.filterwarnings("ignore", message=".*different from the unwrapped version")  # it is a wrapper
        check_env(copy.deepcopy(env))


def test_named_components_are_put_in_order() -> None:
    env = DictActions(small())
    assert list(env.action_space) == ["control", "end", "flag", "size"]  # type: ignore[call-overload]
    assert env.action({"size": 1, "flag": 1, "end": 9, "control": 5}).tolist() == [5, 9, 1, 1]


def test_too_many_combinations_are_refused() -> None:
    with pytest.raises(ValueError, match=r"1e\+12 actions, at most 1048576.*smaller grid"):
        FlattenMultiDiscrete(PaintEnv())
    with pytest.raises(ValueError, match="MultiDiscrete actions, got Discrete"):
        FlattenMultiDiscrete(gym.make("CartPole-v1"))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="names no components"):
        DictActions(gym.make("CartPole-v1"))  # type: ignore[arg-type]
