"""Blocked Metropolis-Hastings over the objects of scenes: the baseline of Ganin et al. 2018, section 5.4."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from envs.scenes.config import ATTRIBUTES, SceneConfig
from envs.scenes.rendering import shared_renderer


@dataclass(frozen=True)
class LikeliestScenes:
    """Likeliest scenes that the chains have visited so far.

    Attributes:
        evaluations: likelihoods evaluated (scenes drawn) for each target.
        objects: int16 [N, M, 6], attributes; scene i consists of the first `counts[i]` rows.
        counts: int64 [N], objects in each scene.
        images: uint8 [N, H, W, 3].
        log_likelihood: float64 [N], without the constant of the Gaussian.
        acceptance: share of the proposals that were accepted.
    """

    evaluations: int
    objects: NDArray[np.int16]
    counts: NDArray[np.int64]
    images: NDArray[np.uint8]
    log_likelihood: NDArray[np.float64]
    acceptance: float


def present_first(blocks: NDArray[np.int16], present: NDArray[np.bool_]) -> NDArray[np.int16]:
    """Slots int16 [N, M, 6], those that hold an object (`present`, bool [N, M]) first."""
    order = np.argsort(~present, axis=1, kind="stable")
    return np.take_along_axis(blocks, order[:, :, None], 1)


def metropolis(
    targets: NDArray[np.uint8],
    config: SceneConfig,
    checkpoints: Sequence[int],
    *,
    slots: int = 5,
    variance: float = 0.25,
    seed: int = 0,
) -> Iterator[LikeliestScenes]:
    """Sample scenes given pictures, with one Markov chain for each picture.

    A state consists of `slots` slots. Each is empty with prior probability 1/2, or holds an object with attributes from
    a uniform prior. A proposal draws one slot, chosen uniformly, again from its prior; prior and proposal cancel, so it
    is accepted with probability min(1, likelihood ratio). Pixels in [0, 1] are independent Gaussians of the published
    `variance` around the drawn scene. The first evaluation is that of a state drawn from the prior.

    Args:
        targets: uint8 [N, H, W, 3].
        config: of the world that drew them.
        checkpoints: numbers of evaluations after which to yield, ascending, each at least 1.
        slots: M, the largest number of objects.
        variance: of the likelihood.
        seed: of prior, proposals and acceptance.

    Yields:
        The likeliest state of each chain so far, at each of `checkpoints`.

    Raises:
        ValueError: `checkpoints` is empty or not ascending.
    """
    if not checkpoints or list(checkpoints) != sorted(set(checkpoints)) or checkpoints[0] < 1:
        raise ValueError(f"checkpoints: expected ascending numbers from 1 on, got {list(checkpoints)}")
    rng = np.random.default_rng(seed)
    renderer = shared_renderer(config)
    count = len(targets)
    rows = np.arange(count)
    wanted = targets.astype(np.float32) / 255
    images = np.empty((count, *config.canvas_shape), np.uint8)

    def draw_blocks(shape: tuple[int, ...]) -> tuple[NDArray[np.int16], NDArray[np.bool_]]:
        blocks = rng.integers(0, config.attribute_sizes, (*shape, len(ATTRIBUTES))).astype(np.int16)
        return blocks, rng.random(shape) < 0.5

    def log_likelihood(blocks: NDArray[np.int16], present: NDArray[np.bool_]) -> NDArray[np.float64]:
        renderer.render_all(present_first(blocks, present), present.sum(1), images)
        error = np.square(images.astype(np.float32) / 255 - wanted).sum((1, 2, 3), dtype=np.float64)
        result: NDArray[np.float64] = -error / (2 * variance)
        return result

    blocks, present = draw_blocks((count, slots))
    likelihood = log_likelihood(blocks, present)
    best = blocks.copy(), present.copy(), images.copy(), likelihood.copy()
    accepted = 0
    for evaluation in range(1, checkpoints[-1] + 1):
        if evaluation > 1:
            slot = rng.integers(0, slots, count)
            new_blocks, new_present = blocks.copy(), present.copy()
            new_blocks[rows, slot], new_present[rows, slot] = draw_blocks((count,))
            proposed = log_likelihood(new_blocks, new_present)
            accept = np.log(rng.random(count)) < proposed - likelihood
            blocks[accept], present[accept] = new_blocks[accept], new_present[accept]
            likelihood = np.where(accept, proposed, likelihood)
            accepted += int(accept.sum())
            better = accept & (likelihood > best[3])
            best[0][better], best[1][better] = blocks[better], present[better]
            best[2][better], best[3][better] = images[better], likelihood[better]
        if evaluation in checkpoints:
            yield LikeliestScenes(
                evaluation,
                present_first(best[0], best[1]),
                best[1].sum(1),
                best[2].copy(),
                best[3].copy(),
                accepted / max(1, count * (evaluation - 1)),
            )
