"""Pictures reproduced by a policy alone, by a search among its strokes, or by a search that has no policy."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from actors.proposals import Proposals
from actors.stroke_search import choose, climb
from envs.paint import PaintConfig
from envs.resampling import pool
from envs.trials import TrialCanvases
from learners.networks.policy import PaintPolicy, PolicyInputs
from learners.precision import autocast
from learners.settings import Precision

CANVASES = 4096
"""Canvases and copies that are held at once."""


@dataclass(frozen=True)
class Way:
    """A way to find each stroke.

    Attributes:
        by_policy: a policy proposes the strokes; if not, they begin where the error is (`actors.proposals`).
        candidates: strokes tried for each one that is painted; 1 tries none and paints the first one proposed.
        variations: of the candidates, variations of the best of the others.
        climb: variations in a row without gain after which a stroke is painted; 0: it is varied once.
        temperature: that the policy's strokes are drawn at.
        strokes: of a painting; of a search, at most: where no candidate helps, none is painted.
    """

    by_policy: bool
    candidates: int
    strokes: int
    variations: int = 0
    climb: int = 0
    temperature: float = 1.0


@dataclass(frozen=True)
class Stage:
    """Paintings of one batch after some strokes.

    Attributes:
        strokes: so far.
        canvas: uint8 [n, h, w, C], as observed.
        full: uint8 [n, H, W, C], as painted.
        seconds: CPU time of the process so far, for the whole batch.
    """

    strokes: int
    canvas: NDArray[np.uint8]
    full: NDArray[np.uint8]
    seconds: float


class Reproduction:
    """Painter of pictures in a world of free strokes.

    Attributes:
        policy: proposes strokes.
    """

    def __init__(
        self, world: PaintConfig, policy: PaintPolicy, *, seed: int = 0, precision: Precision = "auto"
    ) -> None:
        """`seed` seeds everything drawn at random, torch's generator too."""
        self.world, self.policy, self.precision = world, policy.eval(), precision
        self.seed = seed

    def batches(self, target: NDArray[np.uint8], way: Way) -> Iterator[NDArray[np.uint8]]:
        """Targets uint8 [M, H, W, C] in parts, of as many as `way` has room for."""
        size = max(1, CANVASES // (way.candidates + 1))
        for start in range(0, len(target), size):
            yield target[start : start + size]

    def paint(self, target: NDArray[np.uint8], way: Way, stops: tuple[int, ...]) -> Iterator[Stage]:
        """Paint a batch of pictures.

        Args:
            target: uint8 [n, H, W, C] of the canvas's size.
            way: how strokes are found.
            stops: numbers of strokes after which the paintings are looked at, rising, the last one `way.strokes`.
        """
        torch.manual_seed(self.seed)
        proposals = Proposals(self.world, self.seed)
        trials = TrialCanvases(self.world, len(target), max(way.variations, way.candidates - way.variations))
        clock = time.process_time()
        trials.begin(target)
        seen = pool(target, self.world.observation_size)
        for stroke in range(way.strokes):
            # An episode longer than those of the training is a slower one.
            share = stroke / way.strokes if way.strokes > self.world.num_actions else stroke / self.world.num_actions
            trials.paint(self.choice(trials, proposals, target, seen, share, way))
            if stroke + 1 in stops:
                spent = time.process_time() - clock
                yield Stage(stroke + 1, trials.canvas.copy(), trials.pixels[trials.own].copy(), spent)
        trials.close()

    def choice(
        self,
        trials: TrialCanvases,
        proposals: Proposals,
        target: NDArray[np.uint8],
        seen: NDArray[np.uint8],
        share: float,
        way: Way,
    ) -> NDArray[np.int64]:
        """The next stroke int64 [n, K] of each canvas; `share` of the episode is over."""
        number = way.candidates - way.variations
        if way.by_policy:
            offered = self.proposed(trials.canvas, seen, share, number, way.temperature)
        else:
            offered = proposals(trials.pixels[trials.own], target, np.full(len(target), share), number)
        if way.candidates == 1:
            return offered[:, 0]
        kept = choose(trials, offered)
        kept = climb(trials, kept, lambda action, count, _: proposals.vary(action, count), way.variations, way.climb)
        return kept.action

    @torch.inference_mode()
    def proposed(
        self, canvas: NDArray[np.uint8], target: NDArray[np.uint8], share: float, count: int, temperature: float
    ) -> NDArray[np.int64]:
        """Strokes of the policy, int64 [n, count, K]; a single one may be none, as the policy decides."""
        number = len(canvas)
        inputs = PolicyInputs(
            torch.from_numpy(canvas),
            torch.zeros(number, len(self.world.action_spec.names), dtype=torch.long),
            torch.full((number,), int(share * self.world.num_actions)),
            torch.zeros(number, self.policy.noise_size),
            torch.from_numpy(target),
        )
        state = self.policy.initial_state(number)
        with autocast(self.precision, torch.device("cpu")):
            offered = self.policy.propose(inputs, state, count, temperature)
            if count == 1:
                flag = self.world.action_spec.flag
                offered[:, 0, flag] = self.policy.act(inputs, state).action[:, flag]
        return offered.numpy()
