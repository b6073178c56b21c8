"""Episodes painted with a search: strokes are tried, the best recorded, one of them or the policy's own painted."""

from __future__ import annotations

import time
from collections import defaultdict

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from actors.proposals import Proposals
from actors.stroke_search import PIXELS, Kept, Objective, choose, climb
from envs.paint import PaintConfig
from envs.resampling import pool
from envs.trials import TrialCanvases
from learners.networks.policy import PaintPolicy, PolicyInputs
from learners.precision import autocast, resolve
from learners.search_settings import SearchSettings
from learners.settings import Precision
from learners.trajectory import Before, Searched, Trajectory

ZOOMED_FROM = 0.4
"""Share of an episode that is taken to be over at the start of one on an enlarged part of a painting."""
LARGEST_WEIGHT = 2.0
"""Bound of the weights, gains as multiples of their mean at the same step: of early strokes, which gain a hundred times
what late ones do, and of the best of late ones, alike."""


class SearchRollout:
    """N canvases that a search paints in lock-step, an episode or an unroll a call.

    Attributes:
        policy: proposes strokes; its weights may be replaced between calls.
        targets: uint8 [M, H', W', C], the images from which targets are drawn, as large as the canvas or a power of 2
            times as large.
        objective: what the search looks for, apart from targets.
        seconds: wall seconds spent so far in `render` (trying and painting strokes) and `inference` (policy).
    """

    def __init__(
        self,
        world: PaintConfig,
        count: int,
        policy: PaintPolicy,
        search: SearchSettings,
        *,
        seed: int = 0,
        precision: Precision = "auto",
    ) -> None:
        """`count` is N; `seed` seeds everything drawn at random, torch's generator too."""
        self.world, self.count, self.search = world, count, search
        self.policy, self.precision = policy.eval(), precision
        self.rng = np.random.default_rng(seed)
        torch.manual_seed(seed)
        tries = max(search.variations, search.candidates - search.variations)
        self.trials = TrialCanvases(world, count, tries)
        self.proposals = Proposals(world, int(self.rng.integers(2**32)))
        self.spec = world.action_spec
        self.targets: NDArray[np.uint8] | None = None
        self.objective: Objective = PIXELS
        self.seconds: defaultdict[str, float] = defaultdict(float)
        self.step, self.zoom = self.length, 0
        self.whole: NDArray[np.uint8] = np.zeros(0, np.uint8)

    @property
    def length(self) -> int:
        """T, the actions of an episode."""
        return self.world.num_actions

    def begin(self, unroll: int = 1) -> None:
        """Begin an episode on each canvas: with new targets, or on enlarged parts of what was painted last.

        Args:
            unroll: episodes on parts are shortened to a multiple of this.

        Raises:
            ValueError: there are no targets, or of a size that the canvas's does not divide.
        """
        if self.targets is None:
            raise ValueError("targets: a search needs images to draw its targets from")
        size, given = self.world.canvas_size, self.targets.shape[1]
        if given % size:
            raise ValueError(f"targets: expected images of a multiple of {size} pixels, got {given}")
        begun: NDArray[np.uint8] | None = None
        if self.zoom:
            self.zoom -= 1
            begun = self.enlarge()
            left = round(self.length * (1 - ZOOMED_FROM)) // unroll * unroll
        else:
            self.whole = self.targets[self.rng.integers(0, len(self.targets), self.count)]
            self.zoom = int(self.rng.integers(self.search.zoom_episodes + 1))
            left = self.length
        self.first = self.step = self.length - left
        target = resized(self.whole, size)
        self.trials.begin(target, begun)
        self.target = pool(target, self.world.observation_size)
        self.own = self.rng.random(self.count) < self.search.own_strokes
        self.previous = np.zeros((self.count, len(self.spec.names)), np.int64)
        self.painted = np.zeros(self.count, bool)

    def enlarge(self) -> NDArray[np.uint8]:
        """Take a random part of half the side of each target; returns the canvases' parts, as large as a canvas."""
        size, given = self.world.canvas_size, self.whole.shape[1]
        canvas = self.trials.pixels[self.trials.own]
        parts, begun = [], np.empty_like(canvas)
        for row, (y, x) in enumerate(self.rng.random((self.count, 2)) / 2):
            top, left = int(y * given), int(x * given)
            parts.append(self.whole[row, top : top + given // 2, left : left + given // 2])
            box = (left * size / given, top * size / given)
            corner = (box[0] + size / 2, box[1] + size / 2)
            image = Image.fromarray(canvas[row].squeeze(-1) if canvas.shape[-1] == 1 else canvas[row])
            enlarged = image.resize((size, size), Image.Resampling.BICUBIC, box=(*box, *corner))
            begun[row] = np.asarray(enlarged).reshape(begun[row].shape)
        self.whole = np.stack(parts)
        return begun

    def next_unroll(self, steps: int, version: int = 0, actor: int = 0, progress: float = 1.0) -> Trajectory:
        """Paint the next `steps` actions (0: an episode), beginning new episodes if the last have ended.

        Args:
            steps: T of the result, at most what is left of the episodes.
            version: policy updates behind the weights that act, for the record.
            actor: index of the actor, for the record.
            progress: of the run, in [0, 1]; the policy's share of the candidates grows with it.
        """
        if self.step == self.length:
            self.begin(steps or 1)
        first = self.step
        steps = min(steps or self.length, self.length - first)
        whole = steps == self.length
        before = Before(
            np.full(self.count, first),
            self.previous.astype(np.int16),
            self.painted,
            np.zeros((self.count, self.policy.state_size), np.float32),
        )
        shape = (steps, self.count)
        canvases = np.empty((steps + 1, self.count, *self.world.canvas_shape), np.uint8)
        actions = np.zeros((*shape, len(self.spec.names)), np.int16)
        several = (*shape, self.search.imitated)
        chosen, weights = np.zeros((*several, actions.shape[2]), np.int16), np.zeros(several, np.float32)
        log_probs = np.zeros(shape, np.float32)
        found, gains = [], []
        canvases[0] = self.trials.canvas
        for step in range(steps):
            own, log_probs[step], kept, policy = self.look_for(progress)
            mean = max(float(kept.gain.mean()), 1e-12)
            weights[step] = (kept.gains / mean).clip(0, LARGEST_WEIGHT)
            weights[step, kept.gain == 0, 0] = 1.0  # nothing left to do: to stop is the choice
            chosen[step] = kept.actions
            actions[step] = self.previous = np.where(self.own[:, None], own, kept.action)
            found.append((kept.index < policy)[kept.index >= 0].mean() if (kept.index >= 0).any() else 0.0)
            gains.append(mean)
            clock = time.perf_counter()
            self.trials.paint(self.previous)
            self.spent("render", clock)
            canvases[step + 1] = self.trials.canvas
            self.step += 1
        self.painted = self.painted | (actions[..., self.spec.flag] != 0).any(0)
        searched = Searched(chosen, weights, self.own, float(np.mean(found)), float(np.mean(gains)))
        noise = np.zeros((self.count, self.policy.noise_size), np.float32)
        ends = None if whole else np.full(self.count, self.step == self.length)
        return Trajectory(
            canvases, actions, log_probs, noise, version, actor, self.target, None if whole else before, ends,
            searched=searched, precision=resolve(self.precision, torch.device("cpu")),
        )  # fmt: skip

    @torch.inference_mode()
    def look_for(self, progress: float) -> tuple[NDArray[np.int64], NDArray[np.float32], Kept, int]:
        """Look for the next strokes.

        Returns:
            The policy's own strokes int64 [N, K] with their log-probabilities float32 [N], the search's choice, and how
            many of its candidates were the policy's.
        """
        policy, proposed, varied = self.search.counts(progress)
        clock = time.perf_counter()
        inputs = PolicyInputs(
            torch.from_numpy(self.trials.canvas),
            torch.from_numpy(self.previous),
            torch.full((self.count,), self.step),
            torch.zeros(self.count, self.policy.noise_size),
            torch.from_numpy(self.target),
        )
        state = self.policy.initial_state(self.count)
        with autocast(self.precision, torch.device("cpu")):
            if self.search.reinforcement:
                act = self.policy.act(inputs, state)
                own, log_prob = act.action, act.log_prob.float()
            offered = self.policy.propose(inputs, state, policy)
            if not self.search.reinforcement:
                own, log_prob = offered[:, 0], torch.zeros(self.count)
        clock = self.spent("inference", clock)
        share = np.full(self.count, self.step / self.length)
        pixels = self.trials.pixels[self.trials.own]
        wanted = resized(self.whole, self.world.canvas_size)
        candidates = np.concatenate([offered.numpy(), self.proposals(pixels, wanted, share, proposed)], 1)
        kept = choose(self.trials, candidates, self.objective, self.search.imitated)

        def variations(action: NDArray[np.int64], count: int, _: NDArray[np.int64]) -> NDArray[np.int64]:
            return self.proposals.vary(action, count)

        kept = climb(self.trials, kept, variations, varied, self.search.climb, self.objective)
        self.spent("render", clock)
        return own.numpy(), log_prob.numpy(), kept, policy

    def spent(self, what: str, since: float) -> float:
        """Book the wall time since `since` and return the present time."""
        now = time.perf_counter()
        self.seconds[what] += now - since
        return now

    def close(self) -> None:
        """Free the canvases."""
        self.trials.close()


def resized(pictures: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    """uint8 [N, H, W, C] to [N, size, size, C]: averaged over squares, or enlarged smoothly."""
    if pictures.shape[1] >= size:
        return pool(pictures, size)
    result = np.empty((len(pictures), size, size, pictures.shape[3]), np.uint8)
    for row, picture in enumerate(pictures):
        image = Image.fromarray(picture.squeeze(-1) if picture.shape[-1] == 1 else picture)
        enlarged = image.resize((size, size), Image.Resampling.BICUBIC)
        result[row] = np.asarray(enlarged).reshape(result[row].shape)
    return result
