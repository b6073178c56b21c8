"""Gymnasium's conventions for vector environments: entry point, autoreset modes, partial resets, seeds, copies."""

import copy
import pickle
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode

from envs.lockstep import Observation
from envs.paint import PaintConfig, PaintVectorEnv
from tests.envs.worlds import COLOR, FREE, GRAY, random_actions

SETTINGS = {"color": False, "episode_length": 4, "observation_size": 32}


@pytest.fixture(autouse=True)
def no_warnings() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


def equal(first: Observation, second: Observation) -> None:
    assert first.keys() == second.keys()
    for name in first:
        np.testing.assert_array_equal(first[name], second[name], err_msg=name)


@pytest.mark.parametrize("mode", [None, "sync", "async", "vector_entry_point"])
def test_make_vec_in_every_mode_paints_the_same(mode: str | None) -> None:
    made = gym.make_vec("impasto/Paint-v0", num_envs=3, vectorization_mode=mode, **SETTINGS)
    assert isinstance(made, PaintVectorEnv) == (mode in (None, "vector_entry_point"))
    assert made.metadata["autoreset_mode"] == AutoresetMode.NEXT_STEP
    assert made.metadata["render_fps"] == 5
    own = PaintVectorEnv(3, PaintConfig(**SETTINGS))  # type: ignore[arg-type]
    equal(made.reset(seed=1)[0], own.reset(seed=1)[0])
    rng = np.random.default_rng(0)
    for step in range(1, 9):
        actions = rng.integers(0, own.spec_actions.sizes, (3, len(own.spec_actions.names)))
        theirs, ours = made.step(actions), own.step(actions)
        equal(theirs[0], ours[0])
        assert made.observation_space.contains(theirs[0])
        for one, other in zip(theirs[1:4], ours[1:4], strict=True):
            np.testing.assert_array_equal(one, other)
        assert theirs[2].all() == (step in (3, 7))
    made.close()


def test_settings_that_do_not_exist_are_named() -> None:
    with pytest.raises(TypeError, match="colour"):
        gym.make_vec("impasto/Paint-v0", colour=False)
    with pytest.raises(ValueError, match="grid"):
        gym.make_vec("impasto/Paint-v0", grid=1)
    with pytest.raises(ValueError, match=r"'human'.*HumanRendering"):
        PaintVectorEnv(1, render_mode="human")


def test_some_canvases_are_reset_and_others_go_on() -> None:
    actions = random_actions(COLOR, 3)
    world, whole = PaintVectorEnv(3, COLOR), PaintVectorEnv(3, COLOR)
    world.reset()
    whole.reset()
    for action in actions[:2]:
        world.step(action)
        going_on = whole.step(action)[0]
    mask = np.array([True, False, False])
    options = {"reset_mask": mask}
    observation, info = world.reset(options=options)
    assert options == {"reset_mask": mask}  # the caller's dictionary is not written to
    assert info == {}
    assert observation["episode_step"].tolist() == [0, 2, 2]
    assert (observation["canvas"][0] == 255).all()
    for name in observation:
        np.testing.assert_array_equal(observation[name][1:], going_on[name][1:])
    again = PaintVectorEnv(1, COLOR)
    again.reset()
    for step, action in enumerate(actions[2:]):
        shown, _, ended, _, _ = world.step(action)
        going_on = whole.step(action)[0]
        anew = again.step(action[:1])[0]
        for name in shown:
            np.testing.assert_array_equal(shown[name][1:], going_on[name][1:])
            np.testing.assert_array_equal(shown[name][:1], anew[name])
        assert ended.tolist() == [False, step == 2, step == 2]
    # The next step resets canvases 1 and 2 and paints on canvas 0.
    shown, _, ended, _, _ = world.step(actions[0])
    assert shown["episode_step"].tolist() == [4, 0, 0]
    np.testing.assert_array_equal(shown["canvas"][0], again.step(actions[0][:1])[0]["canvas"][0])
    assert (shown["canvas"][1:] == 255).all()
    assert not ended.any()


@pytest.mark.parametrize(
    ("mask", "message"),
    [
        ([True], r"expected bool \[2\]"),
        ([1, 0], "int64"),
        ([False, False], "some true"),
        (np.ones((2, 1), bool), r"\(2, 1\)"),
    ],
)
def test_a_wrong_mask_or_option_is_named(mask: Any, message: str) -> None:
    world = PaintVectorEnv(2, GRAY)
    with pytest.raises(ValueError, match=message):
        world.reset(options={"reset_mask": mask})
    with pytest.raises(ValueError, match="got mask"):
        world.reset(options={"mask": np.ones(2, bool)})


def test_without_autoreset_an_ended_canvas_must_be_reset() -> None:
    world = PaintVectorEnv(2, GRAY, autoreset_mode="Disabled")
    assert world.metadata["autoreset_mode"] == AutoresetMode.DISABLED
    assert PaintVectorEnv.metadata["autoreset_mode"] == AutoresetMode.NEXT_STEP
    actions = random_actions(GRAY, 2)
    with pytest.raises(ValueError, match="reset"):
        world.step(actions[0])
    world.reset()
    for action in actions:
        ended = world.step(action)[2]
    assert ended.all()
    with pytest.raises(ValueError, match="reset"):
        world.step(actions[0])
    world.reset(options={"reset_mask": ended})
    assert world.step(actions[0])[0]["episode_step"].tolist() == [1, 1]


def test_autoreset_in_the_same_step_is_gymnasiums() -> None:
    made = gym.make_vec(
        "impasto/Paint-v0", 2, "sync", vector_kwargs={"autoreset_mode": AutoresetMode.SAME_STEP}, **SETTINGS
    )
    own = PaintVectorEnv(2, PaintConfig(**SETTINGS), autoreset_mode=AutoresetMode.SAME_STEP)  # type: ignore[arg-type]
    equal(made.reset()[0], own.reset()[0])
    rng = np.random.default_rng(0)
    for step in range(1, 8):
        actions = rng.integers(0, own.spec_actions.sizes, (2, len(own.spec_actions.names)))
        theirs, ours = made.step(actions), own.step(actions)
        equal(theirs[0], ours[0])
        np.testing.assert_array_equal(theirs[2], ours[2])
        assert theirs[4].keys() == ours[4].keys()
        assert ("final_obs" in ours[4]) == (step % 3 == 0)
        if "final_obs" in ours[4]:
            for one, other in zip(theirs[4]["final_obs"], ours[4]["final_obs"], strict=True):
                equal(one, other)
            np.testing.assert_array_equal(theirs[4]["_final_obs"], ours[4]["_final_obs"])


def test_floats_are_refused_at_the_reset_too() -> None:
    world = PaintVectorEnv(2, GRAY)
    shape = (2, len(GRAY.action_spec.names))
    for _ in range(2):
        with pytest.raises(ValueError, match="integers"):
            world.step(np.zeros(shape))
        with pytest.raises(ValueError, match="shape"):
            world.step(np.zeros((3, shape[1]), np.int64))
        world.reset()


def test_seeds_are_those_of_gymnasiums_vector_environments() -> None:
    made = gym.make_vec("impasto/Paint-v0", 3, "sync", **SETTINGS)
    own = PaintVectorEnv(3, PaintConfig(**SETTINGS))  # type: ignore[arg-type]
    for seed in (7, [5, 3, 4]):
        made.reset(seed=seed)  # type: ignore[arg-type]
        own.reset(seed=seed)  # type: ignore[arg-type]
        assert own.np_random_seed == made.np_random_seed
        assert [each.random() for each in own.np_random] == [each.random() for each in made.np_random]  # type: ignore[attr-defined]
    before = own.np_random_seed
    own.reset(seed=[None, 8, None], options={"reset_mask": np.array([True, False, True])})
    assert own.np_random_seed == before  # of those that are not reset, seeds are not looked at
    with pytest.raises(ValueError, match="expected 3 seeds"):
        own.reset(seed=[1, 2])


@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy, lambda world: pickle.loads(pickle.dumps(world))])
@pytest.mark.parametrize("config", [COLOR, GRAY, FREE], ids=["color", "gray", "free"])
def test_a_copy_goes_on_by_itself(config: PaintConfig, duplicate: Callable[[PaintVectorEnv], PaintVectorEnv]) -> None:
    actions = random_actions(config, 3)
    world = PaintVectorEnv(3, config)
    world.reset(seed=1)
    for action in actions[:3]:
        world.step(action)
    world.reset(options={"reset_mask": np.array([False, True, False])})
    world.step(actions[3])
    twin = duplicate(world)
    equal(twin.observation(), world.observation())
    np.testing.assert_array_equal(twin.canvas, world.canvas)
    expected = world.step(actions[4])
    kept = world.canvas.copy()
    twin.step(random_actions(config, 3, seed=9)[0])
    np.testing.assert_array_equal(world.canvas, kept)  # nothing is shared
    other = duplicate(twin)
    other.close()
    third = duplicate(world)
    equal(third.observation(), expected[0])
    equal(third.step(actions[0])[0], world.step(actions[0])[0])
    assert duplicate(other).closed


def test_a_copy_before_the_first_reset_is_blank() -> None:
    twin = copy.deepcopy(PaintVectorEnv(2, GRAY))
    assert (twin.step(random_actions(GRAY, 2)[0])[0]["canvas"] == 255).all()  # the first step resets


def test_a_brush_with_history_can_not_be_copied() -> None:
    world = PaintVectorEnv(1, PaintConfig(history=True))
    for duplicate in (copy.copy, copy.deepcopy, pickle.dumps):
        with pytest.raises(TypeError, match="history=False"):
            duplicate(world)
