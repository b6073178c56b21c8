"""Search at test time: several paintings or strokes are tried for each one that is kept, chosen by a score.

Ganin et al. 2018 name it as future work. Both searches spend K strokes of the policy for each stroke that is kept, so
their time grows linearly with K; K = 1 is the policy itself.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from actors.rollout import Rollout
from envs.worlds import WorldConfig, make_world
from learners.networks.policy import PaintPolicy, PolicyInputs
from learners.precision import autocast
from learners.settings import Precision

Score = Callable[[NDArray[np.uint8], NDArray[np.uint8] | None, NDArray[np.int16]], NDArray[np.float32]]
"""Scores float32 [N] of canvases uint8 [N, H, W, C], given their targets (the same shape, or None) and their actions
int16 [T, N, components], zeros for actions still to come. Higher is better."""


@dataclass
class SearchResult:
    """Paintings that a search has kept.

    Attributes:
        canvas: uint8 [N, h, w, C], as the networks see them.
        full: uint8 [N, H, W, C], as they were painted.
        action: int16 [T, N, components].
        score: float32 [N].
        seconds: wall time of the search, in seconds.
    """

    canvas: NDArray[np.uint8]
    full: NDArray[np.uint8]
    action: NDArray[np.int16]
    score: NDArray[np.float32]
    seconds: float


class Search:
    """Search among a policy's paintings by a score.

    Args:
        config: of the world.
        policy: proposes strokes.
        score: of canvases, higher is better.
        seed: of the noise and of torch's generator, which samples the actions.
        precision: of the policy's forward passes.
    """

    def __init__(
        self, config: WorldConfig, policy: PaintPolicy, score: Score, *, seed: int = 0, precision: Precision = "auto"
    ) -> None:
        self.config, self.policy, self.score = config, policy.eval(), score
        self.seed, self.precision = seed, precision

    def drawn_from(self, count: int, k: int, target: NDArray[np.uint8] | None = None) -> SearchResult:
        """Paint as `best_of` does and keep one with a probability in proportion to exp(score).

        Where the score is that of a discriminator, its exponential stands for how much likelier a painting is among
        real images than among the policy's (Azadi et al. 2019, "Discriminator rejection sampling", section 3). The best
        of all would be the few kinds of paintings that the discriminator likes most.
        """
        return self.best_of(count, k, target, temperature=1.0)

    def best_of(
        self, count: int, k: int, target: NDArray[np.uint8] | None = None, *, temperature: float = 0.0
    ) -> SearchResult:
        """Paint each of `count` pictures `k` times and keep the one of highest score.

        Args:
            count: N, number of pictures.
            k: paintings of each picture, at least 1.
            target: uint8 [N, h, w, C], images for a conditional policy to reproduce.
            temperature: above 0, one is kept with a probability in proportion to exp(score / temperature) instead.

        Raises:
            ValueError: `k` is less than 1.
        """
        clock = time.perf_counter()
        world = make_world(count, self.config)
        rollout = Rollout(world, self.policy, seed=self.seed, precision=self.precision)
        rng = np.random.default_rng(self.seed)
        best: SearchResult | None = None
        for _ in range(k):
            painted = rollout.episodes(target=target)
            canvas = painted.canvas[-1]
            score = self.score(canvas, target, painted.action)
            # The largest of scores with Gumbel noise is a draw from their softmax.
            noisy = score + temperature * rng.gumbel(size=count)
            if best is None:
                best, highest = SearchResult(canvas.copy(), world.canvas.copy(), painted.action, score, 0.0), noisy
                continue
            better = noisy > highest
            highest = np.maximum(noisy, highest)
            best.canvas[better], best.full[better] = canvas[better], world.canvas[better]
            best.action[:, better], best.score[better] = painted.action[:, better], score[better]
        world.close()
        if best is None:
            raise ValueError(f"k: expected at least 1, got {k}")
        best.seconds = time.perf_counter() - clock
        return best

    @torch.inference_mode()
    def beam(self, count: int, k: int, target: NDArray[np.uint8] | None = None, *, branch: int = 2) -> SearchResult:
        """Beam search over strokes by the score of the unfinished canvases.

        After each stroke the best `k / branch` canvases of a picture are continued, each `branch` times. Continued
        canvases are painted again from their first action, so the cost of rendering grows with the square of the
        episode's length.

        Args:
            count: N, number of pictures.
            k: canvases of each picture, 1 or a multiple of `branch`.
            target: uint8 [N, h, w, C], images for a conditional policy to reproduce.
            branch: continuations of each canvas that is kept.

        Raises:
            ValueError: `k` is not a multiple of `branch`.
        """
        branch = 1 if k == 1 else branch
        if k < 1 or k % branch:
            raise ValueError(f"k: expected 1 or a multiple of {branch}, got {k}")
        clock = time.perf_counter()
        torch.manual_seed(self.seed)
        policy, total = self.policy, count * k
        device = next(policy.parameters()).device
        world = make_world(total, self.config)
        targets = None if target is None else target.repeat(k, 0)
        seen_target = None if targets is None else torch.from_numpy(targets).to(device)
        noise = torch.randn(total, policy.noise_size).to(device)
        state = policy.initial_state(total, device)
        previous = torch.zeros(total, len(world.spec_actions.components), dtype=torch.long, device=device)
        canvas = world.reset()[0]["canvas"]
        length = self.config.num_actions
        actions = np.zeros((length, total, previous.shape[1]), np.int16)
        picture = np.arange(total).reshape(count, k)
        for step in range(length):
            inputs = PolicyInputs(
                torch.from_numpy(canvas).to(device),
                previous,
                torch.full((total,), step, device=device),
                noise,
                seen_target,
            )
            with autocast(self.precision, device):
                choice = policy.act(inputs, state)
            previous, state = choice.action, choice.state
            actions[step] = previous.cpu().numpy()
            canvas = world.step(actions[step].astype(np.int64))[0]["canvas"]
            score = self.score(canvas, targets, actions)
            order = np.argsort(-score[picture], 1, kind="stable")
            if step == length - 1 or k == 1:
                continue
            kept = np.take_along_axis(picture, order[:, : k // branch], 1).repeat(branch, 1).flatten()
            rows = torch.from_numpy(kept).to(device)
            previous, state, noise = previous[rows], state[rows], noise[rows]
            actions = actions[:, kept]
            world.reset()
            for earlier in range(step + 1):
                canvas = world.step(actions[earlier].astype(np.int64))[0]["canvas"]
        best = picture[np.arange(count), order[:, 0]]
        found = SearchResult(canvas[best], world.canvas[best], actions[:, best], score[best], 0.0)
        world.close()
        found.seconds = time.perf_counter() - clock
        return found
