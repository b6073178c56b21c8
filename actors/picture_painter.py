"""Painting a large picture: strokes are searched in windows of a picture that is enlarged stage by stage."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray

from actors.proposals import Proposals
from actors.stroke_search import Kept, choose, climb
from envs.large_canvas import LargeCanvas, StrokeList, shrink
from envs.paint import PaintConfig, StrokeDecoder
from envs.trials import TrialCanvases
from learners.networks.policy import PaintPolicy, PolicyInputs
from learners.precision import autocast

STROKES_A_ROUND = 4
"""Strokes searched in a window before the large canvas, on which they come out a little differently, is looked at."""
ENOUGH = 40
"""Strokes of a stage of one window that come before any of a finer stage; of n windows n to the power of 0.75 times as
many."""


@dataclass(frozen=True)
class PictureSearch:
    """Settings of the search for the strokes of a picture.

    Attributes:
        candidates: strokes tried for each one that is painted. More paint better and take longer.
        policy_share: share of the candidates that a policy proposes; the rest begin where the error is.
        variation_share: share of the candidates that are variations of the best of the others.
        climb: variations in a row without gain after which a stroke is painted; until then the best so far is varied,
            as often as that takes. 0: it is varied once.
        temperature: that the policy's strokes are drawn at. Lower tries likelier ones and fewer different ones.
        windows: windows searched at once.
        zoomed: share of an episode that is taken to be over when a stage of enlarged windows begins.
    """

    candidates: int = 16
    policy_share: float = 0.6
    variation_share: float = 0.3
    climb: int = 0
    temperature: float = 0.4
    windows: int = 64
    zoomed: float = 0.4

    @property
    def counts(self) -> tuple[int, int, int]:
        """Candidates of the policy, of the proposals, and variations; they sum up to `candidates`."""
        varied = round(self.candidates * self.variation_share)
        policy = round(self.candidates * self.policy_share)
        return policy, self.candidates - varied - policy, varied


@dataclass(frozen=True)
class Progress:
    """Progress of a painting.

    Attributes:
        strokes: painted so far.
        error: mean squared error of pixels in [0, 1].
        stage, stages: from 0; of how many.
    """

    strokes: int
    error: float
    stage: int
    stages: int


def mean_squared_error(canvas: NDArray[np.uint8], target: NDArray[np.uint8]) -> float:
    """Of pixels in [0, 1], of uint8 arrays of one shape."""
    difference = np.subtract(canvas, target, dtype=np.int16).astype(np.float32).ravel()
    return float(np.dot(difference, difference) / difference.size / 255**2)


def stage_factors(height: int, width: int, window: int) -> list[float]:
    """Compute the reduction of each stage's view: at first the shorter side fits a window, at last it is 1."""
    first = max(1.0, min(height, width) / window)
    stages = max(1, round(np.log2(first)) + 1) if first > 1 else 1
    return [first ** (1 - stage / (stages - 1)) for stage in range(stages)] if stages > 1 else [1.0]


class PicturePainter:
    """Paints one picture on a large canvas; `rounds` does the work.

    Attributes:
        canvas: what is painted, and its strokes.
        target: uint8 [H, W, 3].
    """

    def __init__(
        self,
        target: NDArray[np.uint8],
        world: PaintConfig,
        policy: PaintPolicy | None,
        search: PictureSearch,
        *,
        strokes: int,
        seed: int = 0,
        palette: NDArray[np.float64] | None = None,
        finish: Callable[[StrokeList], StrokeList] | None = None,
    ) -> None:
        """Prepare a canvas.

        Args:
            target: uint8 [H, W, 3], both sides at least a window long.
            world: free strokes in color; its canvas is a window, its brush the one that paints.
            policy: proposes strokes; None: the search has to do without.
            search: how strokes are searched.
            strokes: that are painted at most.
            seed: of everything drawn at random.
            palette: float64 [P, 3], 0 to 1, the colors to paint with; None: all.
            finish: is applied to strokes before they are painted, to round them, say.
        """
        self.target, self.world, self.policy = target, world, policy
        self.search = search if policy is not None else replace(search, policy_share=0.0)
        self.strokes, self.size = strokes, world.canvas_size
        self.palette, self.finish = palette, finish
        self.rng = np.random.default_rng(seed)
        torch.manual_seed(seed)
        self.proposals = Proposals(world, seed)
        self.decoder = StrokeDecoder(world)
        self.canvas = LargeCanvas(target.shape[0], target.shape[1], world.brush)
        self.factors = stage_factors(target.shape[0], target.shape[1], self.size)
        self.trials = TrialCanvases(world, search.windows, max(self.search.counts[2], sum(self.search.counts[:2])))

    def budgets(self) -> list[int]:
        """Strokes of each stage: in proportion to its windows to the power of 0.75, but coarse stages get enough first.

        Of few strokes the fine stages get none: three photos in 25 strokes at 128 pixels came out 9 % nearer like this
        (of six paintings from 26 % nearer to 6 % further), in 50 to 200 alike.
        """
        height, width = self.target.shape[:2]
        windows = [max(1.0, height * width / (factor * self.size) ** 2) for factor in self.factors]
        weights = np.array([number**0.75 for number in windows])
        shares, left, budgets = self.strokes * weights / weights.sum(), self.strokes, []
        for weight, share in zip(weights, shares, strict=True):
            budgets.append(min(left, round(max(share, ENOUGH * weight))))
            left -= budgets[-1]
        budgets[-1] += left
        return budgets

    def rounds(self) -> Iterator[Progress]:
        """Paint, and report after each round; may be left at any time."""
        pixels = self.canvas.pixels()
        budgets = self.budgets()
        for stage, (factor, budget) in enumerate(zip(self.factors, budgets, strict=True)):
            height, width = (max(self.size, round(side / factor)) for side in self.target.shape[:2])
            target = shrink(self.target, height, width)
            left = budget if stage < len(budgets) - 1 else self.strokes - len(self.canvas)
            painted = idle = 0
            while painted < left and idle < 8:
                found = self.round(shrink(pixels, height, width), target, stage, painted / left, left - painted)
                idle = 0 if len(found) else idle + 1
                self.canvas.paint(found)
                painted += len(found)
                pixels = self.canvas.pixels()
                error = mean_squared_error(pixels, self.target)
                yield Progress(len(self.canvas), error, stage, len(self.factors))

    def round(
        self, view: NDArray[np.uint8], target: NDArray[np.uint8], stage: int, done: float, most: int
    ) -> StrokeList:
        """Search some strokes in each of some windows of a view uint8 [h, w, 3]; returns them for the large canvas."""
        corners = self.windows(view, target)
        steps = STROKES_A_ROUND
        if len(corners) * steps > most:
            corners = corners[: max(1, most // steps)]
            steps = min(steps, most)
        size = self.size
        cut = [(slice(y, y + size), slice(x, x + size)) for y, x in corners]
        wanted = np.stack([target[place] for place in cut])
        trials = self.trials
        trials.begin(wanted, np.stack([view[place] for place in cut]))
        begun = self.search.zoomed if stage else 0.0
        edges = np.array([[y == 0, x == 0, y + size == view.shape[0], x + size == view.shape[1]] for y, x in corners])
        found = []
        for _ in range(steps):
            kept = self.choice(wanted, begun + (1 - begun) * done, edges)
            trials.paint(kept.action)
            painted = kept.gain > 0
            if painted.any():
                origin = np.array(corners, np.float64)[painted]
                found.append(self.strokes_of(kept.action[painted], origin, view.shape, stage, kept.gain[painted]))
        joined = StrokeList.join(found)
        return joined if self.finish is None else self.finish(joined)

    def choice(self, target: NDArray[np.uint8], progress: float, edges: NDArray[np.bool_]) -> Kept:
        """The best stroke for each window."""
        trials = self.trials
        policy, proposed, varied = self.search.counts
        count = len(target)
        parts = [self.proposals(trials.canvas, target, np.full(count, progress), proposed)]
        if self.policy is not None and policy:
            parts.append(self.proposed_by_policy(self.policy, trials.canvas, target, progress, policy))
        kept = choose(trials, self.inside(np.concatenate(parts, 1), edges))

        def variations(action: NDArray[np.int64], count: int, rows: NDArray[np.int64]) -> NDArray[np.int64]:
            return self.inside(self.proposals.vary(action, count), edges[rows])

        return climb(trials, kept, variations, varied, self.search.climb)

    def proposed_by_policy(
        self, policy: PaintPolicy, canvas: NDArray[np.uint8], target: NDArray[np.uint8], progress: float, count: int
    ) -> NDArray[np.int64]:
        """Candidates int64 [N, count, K]."""
        number, step = len(canvas), round(progress * self.world.num_actions)
        inputs = PolicyInputs(
            torch.from_numpy(canvas),
            torch.zeros(number, len(self.proposals.spec.names), dtype=torch.long),
            torch.full((number,), step),
            torch.zeros(number, policy.noise_size),
            torch.from_numpy(target),
        )
        with torch.inference_mode(), autocast("auto", torch.device("cpu")):
            return policy.propose(inputs, policy.initial_state(number), count, self.search.temperature).numpy()

    def inside(self, actions: NDArray[np.int64], edges: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Actions of which those that reach beyond their windows, but not beyond the picture, have flag 0.

        Nobody would see what they do there.
        """
        shape = actions.shape[:2]
        strokes = self.decoder(actions.reshape(-1, actions.shape[2]))
        assert strokes.start is not None
        radius = np.exp(strokes.log_radius)[:, None] * 0.8
        middle = (strokes.start + 2 * strokes.control + strokes.end) / 4
        points = np.stack([strokes.start, middle, strokes.end])
        low, high = points.min(0) - radius, points.max(0) + radius
        beyond = np.concatenate([low < 0, high > self.size], 1).reshape(*shape, 4) & ~edges[:, None]
        result = actions.copy()
        result[..., self.proposals.spec.flag] = ~beyond.any(-1)
        if self.palette is not None:
            levels = (self.nearest(strokes.color) * (self.world.color_levels - 1)).round().astype(np.int64)
            red = self.proposals.spec.names.index("red")
            result[..., red : red + 3] = levels.reshape(*shape, 3)
        return result

    def windows(self, view: NDArray[np.uint8], target: NDArray[np.uint8]) -> list[tuple[int, int]]:
        """Corners (y, x) of the windows with the largest errors, of a grid laid over the view anew at random.

        They do not overlap.
        """
        size = self.size
        squared = np.square(np.subtract(view, target, dtype=np.int16), dtype=np.float32).sum(-1)
        places = []
        for side in view.shape[:2]:
            first = int(self.rng.integers(size)) if side > size else 0
            starts = {min(max(start, 0), side - size) for start in range(first - size, side, size)}
            places.append(sorted(starts))
        corners = [(y, x) for y in places[0] for x in places[1]]
        errors = np.array([squared[y : y + size, x : x + size].sum() for y, x in corners])
        share = max(1, min(self.search.windows, -(-len(corners) // 2)))
        chosen: list[tuple[int, int]] = []
        for i in np.argsort(-errors * self.rng.uniform(0.5, 1.5, len(errors)))[:share]:
            # At the edges windows overlap, and what both took away would be counted, and painted, twice.
            if all(max(abs(corners[i][0] - y), abs(corners[i][1] - x)) >= size for y, x in chosen):
                chosen.append(corners[i])
        return chosen

    def strokes_of(
        self,
        action: NDArray[np.int64],
        origin: NDArray[np.float64],
        shape: tuple[int, ...],
        stage: int,
        gain: NDArray[np.float32],
    ) -> StrokeList:
        """Actions int64 [S, K] in windows with these corners, float64 [S, 2], of a view, on the large canvas."""
        strokes = self.decoder(action)
        assert strokes.start is not None
        scale = np.array(self.target.shape[:2]) / np.array(shape[:2])
        radius = np.exp(strokes.log_radius) * scale.mean()
        return StrokeList(
            (strokes.start + origin) * scale,
            (strokes.control + origin) * scale,
            (strokes.end + origin) * scale,
            radius,
            strokes.color if self.palette is None else self.nearest(strokes.color),
            strokes.pressure,
            np.full(len(action), stage),
            gain.astype(np.float64) * (self.size**2 * 3 * scale.prod()),
            np.concatenate([origin * scale, np.full((len(action), 1), self.size * scale.mean())], 1),
        )

    def nearest(self, color: NDArray[np.float64]) -> NDArray[np.float64]:
        """The palette's colors that are nearest to colors float64 [S, 3]."""
        assert self.palette is not None
        distance = np.square(color[:, None] - self.palette).sum(-1)
        nearest: NDArray[np.float64] = self.palette[distance.argmin(1)]
        return nearest

    def close(self) -> None:
        """Free the canvases."""
        self.trials.close()
        self.canvas.close()
