"""Rewards of painted episodes."""

import pytest
import torch

from learners.rewards import (
    ScoreNormalizer,
    earned,
    episode_rewards,
    stroke_starts,
    worth_imitating,
)

FLAGS = torch.tensor([[0, 1, 1, 0, 1], [1, 1, 1, 1, 1], [0, 0, 0, 0, 0], [0, 0, 0, 0, 1]]).T
"""[T = 5, B = 4]: two strokes, one long stroke, nothing, one stroke at the end"""


def test_stroke_starts() -> None:
    starts = [[0, 1, 0, 0, 1], [1, 0, 0, 0, 0], [0, 0, 0, 0, 0], [0, 0, 0, 0, 1]]
    torch.testing.assert_close(stroke_starts(FLAGS), torch.tensor(starts).T.bool())


def test_final_scores_are_paid_at_the_last_step() -> None:
    scores = torch.tensor([1.0, -2.0, 3.0, 0.5])
    rewards = episode_rewards(scores, FLAGS, stroke_start_penalty=0.0, empty_canvas_penalty=0.0)
    torch.testing.assert_close(rewards[-1], scores)
    assert not rewards[:-1].any()


@pytest.mark.parametrize("form", ["final", "difference"])
def test_penalties(form: str) -> None:
    scores = torch.zeros(4) if form == "final" else torch.zeros(6, 4)
    rewards = episode_rewards(scores, FLAGS, stroke_start_penalty=0.25, empty_canvas_penalty=2.0)
    expected = -0.25 * stroke_starts(FLAGS).float()
    expected[-1, 2] -= 2.0
    torch.testing.assert_close(rewards, expected)
    assert not scores.any()  # the scores are not written to


def test_differences_telescope_to_the_final_score() -> None:
    scores = torch.randn(6, 4)
    scores[0] = 0.75  # the blank canvas scores the same in every episode
    penalties = {"stroke_start_penalty": 0.1, "empty_canvas_penalty": 1.0}
    differences = episode_rewards(scores, FLAGS, **penalties)
    final = episode_rewards(scores[-1], FLAGS, **penalties)
    torch.testing.assert_close(differences.sum(0), final.sum(0) - 0.75)
    plain = episode_rewards(scores, FLAGS, stroke_start_penalty=0.0, empty_canvas_penalty=0.0)
    torch.testing.assert_close(plain[2], scores[3] - scores[2])


def test_normalizer_averages_evenly_then_slowly() -> None:
    normalizer = ScoreNormalizer()
    batches = [torch.randn(16) * 3 + 5 for _ in range(40)]
    for batch in batches:
        normalizer.take(batch.mean().item(), batch.std(correction=0).item())
    assert normalizer.count == 40
    assert normalizer.mean == pytest.approx(torch.stack(batches).mean().item(), rel=1e-4)
    spreads = torch.stack([batch.std(correction=0) for batch in batches])
    assert normalizer.std == pytest.approx(spreads.mean().item(), rel=1e-4)
    late = ScoreNormalizer(mean=1.0, std=2.0, count=1000)
    late.take(11.0, 0.0)
    assert (late.mean, late.std) == (pytest.approx(1.1), pytest.approx(1.98))


def test_normalized_scores() -> None:
    normalizer = ScoreNormalizer(mean=4.0, std=2.0, count=10)
    torch.testing.assert_close(normalizer(torch.tensor([8.0, 4.0, 2.0])), torch.tensor([2.0, 0.0, -1.0]))
    scores = torch.randn(6, 4)
    torch.testing.assert_close(normalizer(scores), scores / 2)


def test_a_blank_canvas_earns_the_same_whatever_its_target() -> None:
    blank = torch.tensor([-3.0, 0.0, 2.0])  # scores of a blank canvas beside three targets
    torch.testing.assert_close(earned(blank.expand(4, 3)), torch.zeros(3))
    torch.testing.assert_close(earned(torch.stack([blank, blank, blank + 1])), torch.ones(3))
    torch.testing.assert_close(earned(blank), blank)


def test_a_batch_without_spread_stays_finite() -> None:
    normalizer = ScoreNormalizer()
    normalizer.take(3.0, 0.0)
    assert normalizer(torch.full((8,), 3.0)).abs().max() == 0
    assert torch.isfinite(normalizer(torch.full((8,), 4.0))).all()


def test_additions_cost_and_changes_do_not() -> None:
    flags = torch.tensor([[1, 1, 0, 2, 1], [0, 2, 2, 0, 0]]).T
    penalties = {"stroke_start_penalty": 0.0, "empty_canvas_penalty": 0.0}
    rewards = episode_rewards(torch.zeros(6, 2), flags, addition_penalty=0.5, **penalties)
    torch.testing.assert_close(rewards, -0.5 * (flags == 1).float())


def test_what_is_worth_imitating() -> None:
    """An episode each: away and back; a move that a line pays for later; idling before the end, and after it."""
    distances = torch.tensor([[1.0, 2, 0, 0, 0], [1.0, 1, 0, 0, 0], [1.0, 1, 1, 0, 0]]).T
    flags = torch.tensor([[1, 2, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0]]).T
    at_once = worth_imitating(distances, flags, discount=0.0)
    assert at_once.T.tolist() == [[False, True, True, True], [False, True, True, True], [False, False, True, True]]
    patient = worth_imitating(distances, flags, discount=0.7)
    assert patient.T.tolist() == [[True, True, True, True], [True, True, True, True], [True, True, True, True]]
    done = worth_imitating(torch.zeros(4, 1), torch.tensor([[0], [1], [2]]), discount=0.0)
    assert done.T.tolist() == [[True, False, False]]  # there only doing nothing is right
    dear = worth_imitating(distances, flags, discount=0.0, addition_penalty=1.0)
    assert dear.T.tolist() == [[False, True, True, True], [False, False, True, True], [False, False, False, True]]
