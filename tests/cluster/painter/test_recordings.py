"""Recorded paintings, painted again."""

from __future__ import annotations

import numpy as np
import pytest

from cluster.painter.recordings import paint_again
from cluster.painter.settings import preset
from envs.paint import pool


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
