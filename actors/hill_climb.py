"""Hill climbing from random strokes, the known way to paint a picture without learning (Fogleman's `primitive`)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from actors import stroke_search
from actors.proposals import Proposals
from envs.paint import PaintConfig
from envs.trials import TrialCanvases


@dataclass(frozen=True)
class Climb:
    """Settings of a climb.

    Attributes:
        starts: random strokes, the best of which is climbed from. `primitive` takes 1 000.
        patience: changes in a row without gain that end the climb. `primitive` takes 100.
        together: changes tried at once, of the best stroke so far.
    """

    starts: int = 200
    patience: int = 100
    together: int = 20


class RandomStrokes(Proposals):
    """Strokes that know nothing of the error: anywhere, of any size, in the target's color along them."""

    def brush(
        self,
        canvas: NDArray[np.uint8],
        target: NDArray[np.uint8],
        progress: NDArray[np.floating],
        count: int,
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """See `Proposals.brush`."""
        rng, shape, size = self.rng, (len(target), count), target.shape[1]
        start, end = rng.random((*shape, 2)) * size, rng.random((*shape, 2)) * size
        log_radius = rng.uniform(self.log_radii.min(), self.log_radii.max(), shape)
        # Half of them short, as most strokes of a picture are.
        short = rng.random((*shape, 1)) < 0.5
        end = np.where(short, start + rng.normal(0, size / 16, end.shape), end)
        control = (start + end) / 2 + rng.normal(0, 0.25, end.shape) * np.linalg.norm(end - start, axis=-1)[..., None]
        return start, control, end, log_radius


def hill_climb(
    target: NDArray[np.uint8], world: PaintConfig, strokes: int, climb: Climb, seed: int = 0
) -> Iterator[tuple[int, float]]:
    """Paint a picture, each stroke climbed to from the best of some random ones.

    Args:
        target: uint8 [H, H, 3], as large as the world's canvas.
        world: of free strokes in color.
        strokes: to paint.
        climb: how far to climb.
        seed: of everything drawn at random.

    Yields:
        Strokes tried so far, and the mean squared error of pixels in [0, 1], after each stroke.
    """
    trials = TrialCanvases(world, 1, max(climb.starts, climb.together))
    trials.begin(target[None])
    proposals = RandomStrokes(world, seed)
    tried = 0

    def variations(action: NDArray[np.int64], count: int, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        nonlocal tried
        tried += count
        return proposals.vary(action, count)

    for _ in range(strokes):
        offered = proposals(trials.pixels[trials.own], target[None], np.zeros(1), climb.starts)
        tried += climb.starts
        kept = stroke_search.choose(trials, offered)
        kept = stroke_search.climb(trials, kept, variations, climb.together if climb.patience else 0, climb.patience)
        trials.paint(kept.action)
        yield tried, float(trials.errors()[0])
    trials.close()
