"""Episodes of random actions."""

from dataclasses import replace

import numpy as np
import pytest

from actors.random_play import RandomPlay
from actors.rollout import Rollout
from envs.paint import PaintVectorEnv
from learners.trajectory import Trajectory
from tests.learners.examples import SMALL, make_policy


def test_every_value_is_drawn_and_the_record_is_what_happened() -> None:
    play = RandomPlay(PaintVectorEnv(64, SMALL), noise_size=3, seed=0).episodes()
    env = PaintVectorEnv(64, SMALL)
    np.testing.assert_array_equal(env.reset()[0]["canvas"], play.canvas[0])
    for action, canvas in zip(play.action.astype(np.int64), play.canvas[1:], strict=True):
        np.testing.assert_array_equal(env.step(action)[0]["canvas"], canvas)
    spec = SMALL.action_spec
    for column, size in enumerate(spec.sizes):
        assert len(np.unique(play.action[1:, :, column])) == size or size > 64, spec.names[column]
    assert play.noise.shape == (64, 3)
    assert play.noise.std() == pytest.approx(1, abs=0.2)


@pytest.mark.parametrize("first_is_move", [False, True])
def test_log_probabilities_are_those_of_an_even_draw(first_is_move: bool) -> None:
    config = replace(SMALL, first_is_move=first_is_move)
    spec = config.action_spec
    play = RandomPlay(PaintVectorEnv(32, config), noise_size=3, seed=0).episodes()
    painted = play.action[..., spec.flag] != 0
    assert painted[0].any() != first_is_move
    flag = -np.log(spec.sizes[spec.flag])
    expected = np.where(painted, -np.log(spec.sizes).sum(), -np.log(spec.sizes[~spec.painting_only]).sum())
    if first_is_move:  # nothing is drawn where only one value is possible
        expected[0] -= flag
    np.testing.assert_allclose(play.log_prob, expected, rtol=1e-5)


def test_a_seed_repeats_and_seeds_differ() -> None:
    def actions(seed: int) -> list[int]:
        return list(RandomPlay(PaintVectorEnv(2, SMALL), 3, seed).episodes().action.ravel())

    assert actions(1) == actions(1) != actions(2)


def test_play_travels_and_is_counted_with_the_batches_that_brought_it() -> None:
    rollout = Rollout(PaintVectorEnv(2, SMALL), make_policy("laptop"), seed=0, precision="float32")
    play = RandomPlay(PaintVectorEnv(3, SMALL), 3, seed=0)
    batches = [rollout.episodes(), rollout.episodes()]
    for batch in batches:
        batch.play = play.episodes()
    joined = Trajectory.join(batches)
    assert joined.play is not None
    assert joined.action.shape[1] == 4
    np.testing.assert_array_equal(joined.play.action[:, 3:], batches[1].play.action)  # type: ignore[union-attr]
    assert joined.steps == SMALL.num_actions * (4 + 6)
    assert rollout.episodes().play is None
