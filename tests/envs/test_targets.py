"""The L2 reward: its sums and signs, targets given at a reset or drawn from a data set, and their seeds."""

import copy
import pickle
from pathlib import Path

import gymnasium as gym
import numpy as np
import pytest
from PIL import Image

from envs.paint import PaintVectorEnv
from tests.envs.worlds import GRAY, random_actions

SHAPE = GRAY.canvas_shape


def noise(count: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, *SHAPE), dtype=np.uint8)


def distance(canvas: np.ndarray, target: np.ndarray) -> np.ndarray:
    return ((canvas / 255 - target / 255) ** 2).mean((1, 2, 3))


@pytest.mark.parametrize("paid", ["step", "final"])
def test_rewards_are_mean_squared_differences(paid: str) -> None:
    world = PaintVectorEnv(3, GRAY, reward="l2", paid=paid)  # type: ignore[arg-type]
    targets = noise(3)
    before = world.reset(options={"target": targets})[0]
    np.testing.assert_array_equal(before["target"], targets)
    assert world.observation_space.contains(before)
    total = np.zeros(3)
    for action in random_actions(GRAY, 3):
        shown, reward, ended, _, _ = world.step(action)
        assert world.observation_space.contains(shown)
        drop = distance(before["canvas"], targets) - distance(shown["canvas"], targets)
        expected = drop if paid == "step" else -distance(shown["canvas"], targets) * ended
        np.testing.assert_allclose(reward, expected, rtol=1e-5, atol=1e-9)
        total += reward
        before = shown
    assert ended.all()
    final = distance(shown["canvas"], targets)
    first = distance(np.full_like(targets, 255), targets)
    np.testing.assert_allclose(total, first - final if paid == "step" else -final, rtol=1e-5)
    shown, reward, *_ = world.step(action)  # the reset pays nothing and keeps the targets
    assert not reward.any()
    np.testing.assert_array_equal(shown["target"], targets)


def test_one_target_for_all_and_targets_for_some() -> None:
    world = PaintVectorEnv(3, GRAY, reward="l2")
    one = noise(1)[0]
    assert (world.reset(options={"target": one})[0]["target"] == one).all()
    world.step(random_actions(GRAY, 3)[0])
    others, mask = noise(3, seed=1), np.array([False, True, False])
    shown = world.reset(options={"target": others, "reset_mask": mask})[0]
    np.testing.assert_array_equal(shown["target"][[0, 2]], np.stack([one, one]))
    np.testing.assert_array_equal(shown["target"][1], others[1])
    np.testing.assert_array_equal(world.reset()[0]["target"], shown["target"])


def test_targets_from_a_data_set_follow_the_seed_of_each_canvas() -> None:
    images = noise(50)
    world = PaintVectorEnv(4, GRAY, reward="l2", data=images)
    first = world.reset(seed=3)[0]["target"]
    second = world.reset()[0]["target"]
    assert all((images == target).all((1, 2, 3)).any() for target in (*first, *second))
    assert (first != second).any()
    np.testing.assert_array_equal(world.reset(seed=3)[0]["target"], first)
    np.testing.assert_array_equal(world.reset()[0]["target"], second)
    settings = {name: getattr(GRAY, name) for name in GRAY.__dataclass_fields__}
    single = gym.make("impasto/Paint-v0", reward="l2", data=images, **settings)
    for row in range(4):
        np.testing.assert_array_equal(single.reset(seed=3 + row)[0]["target"], first[row])
        np.testing.assert_array_equal(single.reset()[0]["target"], second[row])


def test_targets_from_a_folder(tmp_path: Path) -> None:
    for shade in range(12):
        Image.new("L", (40, 40), 20 * shade).save(tmp_path / f"{shade:02}.png")
    world = PaintVectorEnv(5, GRAY, reward="l2", data=str(tmp_path))
    targets = world.reset(seed=0)[0]["target"]
    assert len(np.unique(targets)) > 1
    assert set(np.unique(targets)) <= {20 * shade for shade in range(12)}


def test_a_copy_draws_the_same_targets_and_shares_the_data_set() -> None:
    world = PaintVectorEnv(2, GRAY, reward="l2", data=noise(50))
    world.reset(seed=0)
    world.step(random_actions(GRAY, 2)[0])
    twin, stored = copy.deepcopy(world), pickle.loads(pickle.dumps(world))
    assert twin.targets is not None
    assert world.targets is not None
    assert twin.targets.images is world.targets.images
    action = random_actions(GRAY, 2)[1]
    expected = world.step(action)[1]
    assert expected.any()
    for other in (twin, stored):
        np.testing.assert_array_equal(other.step(action)[1], expected)
    expected_targets = world.reset()[0]["target"]
    np.testing.assert_array_equal(twin.reset()[0]["target"], expected_targets)
    np.testing.assert_array_equal(stored.reset()[0]["target"], expected_targets)


def test_autoreset_in_the_same_step_draws_and_pays() -> None:
    images = noise(50)
    world = PaintVectorEnv(2, GRAY, reward="l2", data=images, autoreset_mode="SameStep")
    target = world.reset(seed=0)[0]["target"]
    actions = random_actions(GRAY, 2)
    actions[..., GRAY.action_spec.flag] = 1
    for action in actions:
        shown, reward, ended, _, info = world.step(action)
    assert ended.all()
    assert reward.any()
    np.testing.assert_array_equal(np.stack([last["target"] for last in info["final_obs"]]), target)
    assert (shown["target"] != target).any()
    after = world.step(actions[0])
    assert after[1].any()
    np.testing.assert_allclose(
        after[1], distance(shown["canvas"], shown["target"]) - distance(after[0]["canvas"], shown["target"]), rtol=1e-5
    )


def test_mistakes_are_named() -> None:
    with pytest.raises(ValueError, match="'none' or 'l2', got 'L2'"):
        PaintVectorEnv(1, GRAY, reward="L2")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="'step' or 'final', got 'end'"):
        PaintVectorEnv(1, GRAY, reward="l2", paid="end")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="reward='l2' only"):
        PaintVectorEnv(1, GRAY, data="mnist")
    with pytest.raises(ValueError, match="unknown data set 'mnst'"):
        PaintVectorEnv(1, GRAY, reward="l2", data="mnst")
    with pytest.raises(ValueError, match=r"data: expected images uint8 .* \[3, 8, 8, 1\]"):
        PaintVectorEnv(1, GRAY, reward="l2", data=np.zeros((3, 8, 8, 1), np.uint8))
    world = PaintVectorEnv(2, GRAY, reward="l2")
    with pytest.raises(ValueError, match="needs a target"):
        world.reset()
    with pytest.raises(ValueError, match=r"options\['target'\]: expected uint8"):
        world.reset(options={"target": np.zeros(SHAPE)})
    with pytest.raises(ValueError, match="got target"):
        PaintVectorEnv(2, GRAY).reset(options={"target": noise(2)})
