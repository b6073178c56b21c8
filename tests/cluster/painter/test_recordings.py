"""Recorded paintings, painted again."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cluster.painter.recordings import Recording, RecordingDamaged, paint_again
from cluster.painter.settings import preset
from envs.paint import pool
from envs.worlds import make_world
from tests.cluster.dashboard.made_up import make_sheet, settings


@pytest.mark.parametrize("brush", ["classic/pen", "classic/dry_brush"])
def test_eight_times_as_large_with_the_same_ink(brush: str) -> None:
    """The brushes' speed is that of the small canvas, so that a larger painting is as black."""
    settings = preset("laptop").replace(brush=brush, brush_sizes=(8.0,))
    spec = settings.paint.action_spec
    actions = np.random.default_rng(0).integers(0, spec.sizes, (settings.paint.num_actions, 16, len(spec.sizes)))
    actions[1:, :, spec.flag] = 1
    one, eight = (paint_again(settings, actions, scale)[-1] for scale in (1, 8))
    ink = [255.0 - frames.mean() for frames in (one, eight)]
    assert ink[1] / ink[0] == pytest.approx(1.0, abs=0.02)
    assert np.abs(pool(eight, one.shape[1]).astype(int) - one).mean() < 5


@pytest.mark.parametrize("strokes", ["chained", "free"])
def test_at_their_size_they_are_what_the_world_painted(strokes: str) -> None:
    """With a brush that slow tracking draws to a stroke from the last one, unless a fresh brush paints each."""
    own = preset("laptop").replace(
        brush="classic/dry_brush", brush_sizes=(3.0, 8.0), strokes=strokes, first_is_move=False, episode_length=7
    )
    spec = own.paint.action_spec
    actions = np.random.default_rng(1).integers(0, spec.sizes, (6, 5, len(spec.sizes)))
    world = make_world(5, own.world)
    world.reset(seed=0)
    seen = [world.step(action)[0]["canvas"] for action in actions[:-1]]
    world.close()
    again = paint_again(own, actions)[1:-1]
    np.testing.assert_array_equal([pool(frame, own.paint.observation_size) for frame in again], seen)


def test_damaged_recordings(tmp_path: Path) -> None:
    make_sheet(tmp_path, "good", settings(), 0, count=3)
    good = Recording.load(tmp_path / "good.npz")
    wrong = Recording(good.actions, good.noise, good.scores[:-1]).save(tmp_path / "wrong.npz")
    np.savez(tmp_path / "pickled.npz", actions=np.array([{}], object), noise=good.noise, scores=good.scores)
    (tmp_path / "text.npz").write_text("no arrays")
    for path in (wrong, tmp_path / "pickled.npz", tmp_path / "text.npz", tmp_path / "none.npz"):
        with pytest.raises(RecordingDamaged, match=path.name):
            Recording.load(path)
