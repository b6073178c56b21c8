"""Search at test time: more tries, better scores, time in proportion."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from actors.search import Search
from envs.paint import PaintVectorEnv
from learners.networks.build import build_policy
from learners.settings import NetworkName, PolicySettings
from tests.learners.examples import NETWORKS, SMALL, make_policy

both = pytest.mark.parametrize("network", NETWORKS)


class Darkness:
    """A score that likes ink, and counts what it was asked."""

    def __init__(self) -> None:
        self.asked = 0

    def __call__(
        self, canvas: NDArray[np.uint8], target: NDArray[np.uint8] | None, action: NDArray[np.int16]
    ) -> NDArray[np.float32]:
        self.asked += len(canvas)
        against = 255.0 if target is None else target.astype(np.float32)
        return -np.abs(canvas - (255.0 - against)).mean((1, 2, 3)).astype(np.float32)


@both
@pytest.mark.parametrize("method", ["best_of", "beam"])
def test_more_tries_find_better_paintings(network: NetworkName, method: str) -> None:
    scores, asked = {}, {}
    for k in (1, 4, 16):
        judge = Darkness()
        found = getattr(Search(SMALL, make_policy(network), judge, precision="float32"), method)(12, k)
        scores[k], asked[k] = found.score.mean(), judge.asked
        assert np.allclose(found.score, judge(found.canvas, None, found.action))
    assert scores[1] < scores[4] < scores[16]
    assert asked[16] == 4 * asked[4] == 16 * asked[1]  # the work grows linearly with K


def test_a_draw_prefers_high_scores_without_always_keeping_the_highest() -> None:
    judge = Darkness()
    search = Search(SMALL, make_policy("laptop"), lambda *given: judge(*given) / 10, precision="float32")
    alone, drawn, best = search.best_of(200, 1), search.drawn_from(200, 8), search.best_of(200, 8)
    assert alone.score.mean() < drawn.score.mean() < best.score.mean()
    assert np.allclose(drawn.score, judge(drawn.canvas, None, drawn.action) / 10)
    np.testing.assert_array_equal(search.best_of(9, 4, temperature=1e-9).action, search.best_of(9, 4).action)


@pytest.mark.parametrize("method", ["best_of", "beam"])
def test_what_was_found_is_what_its_actions_paint(method: str) -> None:
    found = getattr(Search(SMALL, make_policy("paper"), Darkness(), precision="float32"), method)(5, 4)
    world = PaintVectorEnv(5, SMALL)
    world.reset()
    for action in found.action:
        canvas = world.step(action.astype(np.int64))[0]["canvas"]
    assert np.array_equal(canvas, found.canvas)
    assert np.array_equal(world.canvas, found.full)


@pytest.mark.parametrize("method", ["best_of", "beam"])
def test_every_try_of_a_picture_has_its_target(method: str) -> None:
    settings = PolicySettings(network="laptop", conditional=True, noise_size=3)
    policy = build_policy(settings, SMALL.action_spec, SMALL.canvas_shape, SMALL.num_actions)
    targets = np.zeros((3, *SMALL.canvas_shape), np.uint8) + np.array([0, 100, 255], np.uint8)[:, None, None, None]
    seen: list[NDArray[np.uint8]] = []

    def score(
        canvas: NDArray[np.uint8], target: NDArray[np.uint8] | None, action: NDArray[np.int16]
    ) -> NDArray[np.float32]:
        assert action.shape[:2] == (SMALL.num_actions, len(canvas))
        assert target is not None
        seen.append(target)
        return np.zeros(len(canvas), np.float32)

    getattr(Search(SMALL, policy, score, precision="float32"), method)(3, 4, targets)
    assert all(np.array_equal(np.unique(target), [0, 100, 255]) for target in seen)
    assert all((np.diff(target[:, 0, 0, 0].astype(int)) >= 0).all() for target in seen)


def test_k_must_be_a_number_of_beams() -> None:
    search = Search(SMALL, make_policy("laptop"), Darkness())
    with pytest.raises(ValueError, match="k: expected 1 or a multiple of 2, got 3"):
        search.beam(2, 3)
    with pytest.raises(ValueError, match="k: expected at least 1, got 0"):
        search.best_of(2, 0)
