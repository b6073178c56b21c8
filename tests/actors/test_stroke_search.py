"""Searching for strokes: proposals are valid, the best candidates are kept, episodes record what was chosen."""

import dataclasses

import numpy as np
import pytest
import torch

from actors.proposals import Proposals
from actors.search_rollout import SearchRollout
from actors.stroke_search import Objective, choose, climb, vary
from envs.paint import PaintConfig
from envs.trials import TrialCanvases
from learners.networks.build import build_policy
from learners.search_settings import SearchSettings
from learners.settings import PolicySettings
from learners.trajectory import Trajectory
from tests.learners.examples import LINES, PICTURES


def targets(config: PaintConfig, count: int = 4, factor: int = 1, seed: int = 0) -> np.ndarray:
    """Two flat halves each; dark lines on white for a pen."""
    rng, size = np.random.default_rng(seed), config.canvas_size * factor
    found = np.full((count, size, size, config.channels), 255, np.uint8)
    if config.color:
        found[:, :, : size // 2] = rng.integers(0, 256, (count, 1, 1, 3))
        found[:, :, size // 2 :] = rng.integers(0, 256, (count, 1, 1, 3))
    else:
        found[:, size // 2 - 2 : size // 2 + 2, size // 4 : -size // 4] = 0
    return found


@pytest.mark.parametrize("config", [PICTURES, LINES])
def test_proposals_are_valid_and_make_the_canvas_nearer(config: PaintConfig) -> None:
    wanted, proposals = targets(config), Proposals(config)
    trials = TrialCanvases(config, 4, 16)
    trials.begin(wanted)
    before = trials.errors()
    for step in range(4):
        offered = proposals(trials.pixels[trials.own], wanted, np.full(4, step / 4), 16)
        assert offered.shape == (4, 16, len(config.action_spec.names))
        config.action_spec.validate(offered.reshape(64, -1), 64)
        kept = choose(trials, offered)
        varied = proposals.vary(kept.action, 8)
        config.action_spec.validate(varied.reshape(32, -1), 32)
        better = vary(trials, kept, varied)
        assert (better.gain >= kept.gain).all()
        expected = trials.errors() - better.gain
        trials.paint(better.action)
        np.testing.assert_allclose(trials.errors(), expected, atol=1e-6)
    assert (trials.errors() < 0.8 * before).all()


def test_the_best_are_kept_in_their_order_and_nothing_where_all_make_it_worse() -> None:
    wanted, proposals = targets(PICTURES), Proposals(PICTURES)
    trials = TrialCanvases(PICTURES, 4, 16)
    trials.begin(wanted)
    offered = proposals(trials.canvas, wanted, np.zeros(4), 16)
    gains, _ = trials.tried(offered)
    kept = choose(trials, offered, keep=3)
    np.testing.assert_array_equal(kept.gains, np.maximum(-np.sort(-gains, 1)[:, :3], 0))
    np.testing.assert_array_equal(kept.index, gains.argmax(1))
    trials.begin(np.full_like(wanted, 255))
    nothing = choose(trials, offered)
    assert (nothing.action[:, PICTURES.action_spec.flag] == 0).all()
    assert (nothing.gain == 0).all()
    assert (nothing.index == -1).all()


def test_a_climb_varies_the_best_until_that_gains_nothing_and_only_those_that_still_climb() -> None:
    wanted, proposals = targets(PICTURES), Proposals(PICTURES)
    trials = TrialCanvases(PICTURES, 4, 16)
    trials.begin(wanted)
    kept = choose(trials, proposals(trials.canvas, wanted, np.zeros(4), 16))
    rounds: list[np.ndarray] = []
    climbing: list[np.ndarray] = []

    def make(action: np.ndarray, count: int, rows: np.ndarray) -> np.ndarray:
        rounds.append(action.copy())
        climbing.append(rows)
        return proposals.vary(action, count)

    once = climb(trials, kept, make, 4)
    assert len(rounds) == 1
    assert (once.gain >= kept.gain).all()
    rounds.clear()
    until = climb(trials, kept, make, 4, 8)
    assert len(rounds) > 3, "two rounds without gain end it, and some gain something"
    assert (until.gain >= kept.gain).all()
    assert until.gain.sum() > once.gain.sum()
    # Fewer and fewer climb; what the last ones ended with gained nothing in the last two rounds.
    assert [len(rows) for rows in climbing] == sorted((len(rows) for rows in climbing), reverse=True)
    np.testing.assert_array_equal(climbing[-1], climbing[-2])
    np.testing.assert_array_equal(rounds[-1], rounds[-2])
    np.testing.assert_array_equal(rounds[-1], until.action[climbing[-1]])
    expected = trials.errors() - until.gain
    trials.paint(until.action)
    np.testing.assert_allclose(trials.errors(), expected, atol=1e-6)
    rounds.clear()
    trials.begin(wanted, wanted)
    finished = climb(trials, choose(trials, proposals(wanted, wanted, np.zeros(4), 16)), make, 4, 8)
    assert len(rounds) == 1
    assert (finished.gain == 0).all()


def test_what_is_kept_to_be_imitated_holds_no_stroke_twice() -> None:
    wanted, proposals = targets(PICTURES), Proposals(PICTURES)
    trials = TrialCanvases(PICTURES, 4, 16)
    trials.begin(wanted)
    offered = proposals(trials.canvas, wanted, np.zeros(4), 8)
    twice = np.concatenate([offered, offered], 1)
    chosen = choose(trials, twice, keep=6)
    for kept in (chosen, climb(trials, chosen, lambda action, count, _: proposals.vary(action, count), 8, 40)):
        for actions, gains in zip(kept.actions, kept.gains, strict=True):
            some = actions[gains > 0]
            assert len(some) > 1
            assert len(np.unique(some, axis=0)) == len(some)


def test_a_score_can_be_searched_for_in_place_of_pixels() -> None:
    wanted, proposals = targets(PICTURES), Proposals(PICTURES)
    trials = TrialCanvases(PICTURES, 4, 16)
    trials.begin(wanted)
    darkest = Objective(0.0, lambda canvas: -canvas.mean((2, 3, 4), dtype=np.float32))
    offered = proposals(trials.canvas, wanted, np.zeros(4), 16)
    _, seen = trials.tried(offered, look=True)
    assert seen is not None
    np.testing.assert_array_equal(choose(trials, offered, darkest).index, seen.mean((2, 3, 4)).argmin(1))


def rollout(own: float = 0.5, zoom: int = 0, reinforcement: bool = False, factor: int = 1) -> SearchRollout:
    settings = PolicySettings(network="picture", conditional=True, noise_size=0)
    policy = build_policy(settings, PICTURES.action_spec, PICTURES.canvas_shape, PICTURES.num_actions)
    search = SearchSettings(
        candidates=6, variations=2, own_strokes=own, zoom_episodes=zoom, imitated=2, reinforcement=reinforcement
    )
    found = SearchRollout(PICTURES, 8, policy, search, seed=1, precision="float32")
    found.targets = targets(PICTURES, 10, factor)
    return found


def test_episodes_record_choices_and_paint_them_or_the_policys_own() -> None:
    acting = rollout()
    pieces = [acting.next_unroll(2, version=3, actor=2, progress=0.5) for _ in range(2)]
    episode = pieces[0]
    assert episode.searched is not None
    assert episode.canvas.shape == (3, 8, 16, 16, 3)
    assert episode.searched.action.shape == (2, 8, 2, len(PICTURES.action_spec.names))
    assert episode.before is not None
    assert pieces[1].before is not None
    assert (pieces[1].before.step == 2).all()
    assert pieces[1].ends is not None
    assert pieces[1].ends.all()
    np.testing.assert_array_equal(pieces[1].canvas[0], episode.canvas[-1])
    own = episode.searched.own
    assert own.any()
    assert not own.all()
    np.testing.assert_array_equal(episode.action[:, ~own], episode.searched.action[:, ~own, 0])
    assert ((episode.searched.weight >= 0) & (episode.searched.weight <= 2)).all()
    joined = Trajectory.join([episode, acting.next_unroll(2)])
    assert joined.searched is not None
    assert joined.searched.own.shape == (16,)


def test_what_was_painted_goes_on_enlarged() -> None:
    acting = rollout(zoom=3, factor=8)
    acting.rng = np.random.default_rng(0)
    acting.begin(2)
    acting.zoom = 1
    first = acting.next_unroll(0)
    acting.zoom = 1
    whole = acting.whole
    second = acting.next_unroll(0)
    assert acting.whole.shape[1] == whole.shape[1] // 2
    assert len(second.action) < len(first.action)
    assert second.before is not None
    assert (second.before.step > 0).all()
    assert not (second.canvas[0] == 255).all()


def test_reinforcement_gets_log_probabilities_of_the_own_strokes() -> None:
    acting = rollout(own=1.0, reinforcement=True)
    episode = acting.next_unroll(2)
    assert (episode.log_prob < 0).all()
    assert dataclasses.asdict(episode.select(np.arange(8) < 3))["canvas"].shape[1] == 3
    assert torch.is_inference_mode_enabled() is False
