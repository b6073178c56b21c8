"""The Metropolis-Hastings baseline: right on a problem that can be solved by counting, better with more evaluations."""

from itertools import pairwise

import numpy as np
import pytest

from actors.metropolis import metropolis, present_first
from envs.scenes.config import SceneConfig
from envs.scenes.rendering import shared_renderer
from tests.envs.scenes.needs_opengl import draws

CONFIG = SceneConfig(scene_size=16, scene_grid=2, object_radii=(0.3, 0.5), object_color_levels=2)


def pictures(objects: list[list[int]]) -> np.ndarray:  # type: ignore[type-arg]
    array = np.array(objects, np.int64)[:, None]
    return shared_renderer(CONFIG).render_all(array, np.ones(len(array), np.int64))


def test_objects_come_before_empty_slots() -> None:
    blocks = np.arange(2 * 3 * 6, dtype=np.int16).reshape(2, 3, 6)
    present = np.array([[False, True, True], [True, False, True]])
    moved = present_first(blocks, present)
    np.testing.assert_array_equal(moved[0, :2], blocks[0, 1:])
    np.testing.assert_array_equal(moved[1, :2], blocks[1, [0, 2]])


@draws
def test_the_best_state_improves_and_is_what_was_drawn() -> None:
    targets = pictures([[0, 1, 1, 1, 0, 0], [1, 2, 1, 0, 0, 0], [2, 0, 1, 0, 0, 1]])
    found = list(metropolis(targets, CONFIG, [1, 20, 400], slots=2, seed=1))
    assert [each.evaluations for each in found] == [1, 20, 400]
    for before, after in pairwise(found):
        assert (after.log_likelihood >= before.log_likelihood).all()
    last = found[-1]
    assert last.log_likelihood.mean() > found[0].log_likelihood.mean() + 10
    np.testing.assert_array_equal(last.images, shared_renderer(CONFIG).render_all(last.objects, last.counts))
    error = np.square((last.images.astype(float) - targets) / 255).sum((1, 2, 3))
    np.testing.assert_allclose(last.log_likelihood, -error / 0.5, rtol=1e-4)
    assert (error == 0).sum() >= 2  # a chain may be caught in a local optimum
    assert 0 < last.acceptance < 1


@draws
def test_a_wide_likelihood_leaves_the_prior() -> None:
    """With an infinitely tolerant likelihood everything is accepted."""
    targets = pictures([[0, 1, 1, 1, 0, 0]])
    (found,) = metropolis(targets, CONFIG, [50], slots=2, variance=1e12)
    assert found.acceptance == 1


@draws
def test_chains_are_seeded() -> None:
    targets = pictures([[0, 1, 1, 1, 0, 0]])
    one, two, other = (next(metropolis(targets, CONFIG, [30], seed=seed)).log_likelihood[0] for seed in (0, 0, 1))
    assert one == two != other


@pytest.mark.parametrize("checkpoints", [[], [0, 5], [10, 5], [5, 5]])
def test_checkpoints_must_ascend(checkpoints: list[int]) -> None:
    with pytest.raises(ValueError, match="ascending"):
        next(metropolis(np.zeros((1, 16, 16, 3), np.uint8), CONFIG, checkpoints))
