"""Plan of a batch: the steps that have to be computed, and those for which the result of another one serves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from envs.spec import ActionSpec


@dataclass
class Plan:
    """Parts that have to be computed of N = T * B recorded steps, flattened in this order.

    A move leaves the canvas as it was, and episodes begin with the same one: a policy need not look at it again. It is
    found on the host, from the recorded arrays, so that no device is waited for. U and R have few different values, see
    `rounded`.

    Attributes:
        looks: int64 [U], steps that hold all different images.
        look_of: int64 [N], for each step the place in `looks` of a step with the same image.
        painting: int64 [R], the steps whose actions paint, and some that do not; None if there are none that do.
    """

    looks: Tensor
    look_of: Tensor
    painting: Tensor | None

    @classmethod
    def of(
        cls,
        canvas: NDArray[np.uint8],
        action: NDArray[np.integer],
        spec: ActionSpec,
        move: Callable[[NDArray[Any]], Tensor],
        *,
        share_white: bool,
    ) -> Plan:
        """Find what steps have in common.

        Args:
            canvas: uint8 [T, B, H, W, C], before each action.
            action: integers [T, B, K].
            spec: of the actions.
            move: copies an array to the device.
            share_white: take all white canvases for the same, as for a policy that looks at nothing else.
        """
        looks, look_of = different_looks(canvas, share_white=share_white)
        count = len(look_of)
        looks = np.resize(looks, rounded(len(looks), count))
        # Those that paint come first.
        order = np.argsort(action[..., spec.flag].ravel() == 0, kind="stable")
        painting = order[: rounded(int(np.count_nonzero(action[..., spec.flag])), count)]
        return cls(move(looks), move(look_of), move(painting) if len(painting) else None)

    def tensors(self) -> list[Tensor]:
        """All tensors."""
        return [each for each in vars(self).values() if each is not None]


def rounded(count: int, total: int) -> int:
    """Round a number of rows out of `total` up to one of sixteen numbers.

    For every new number oneDNN compiles its kernels anew, and remembers about a thousand: with a number of its own in
    each update, that took as long as fewer rows had saved.

    >>> rounded(0, 640), rounded(1, 640), rounded(81, 640), rounded(640, 640), rounded(3, 5)
    (0, 40, 120, 640, 3)
    """
    step = max(1, total // 16)
    return min(total, -(-count // step) * step)


def words(canvas: NDArray[np.uint8]) -> NDArray[np.uint64] | NDArray[np.uint8]:
    """Canvases uint8 [*, H, W, C] as whole words [*, M] of eight bytes, or as bytes if they do not fit."""
    flat = np.ascontiguousarray(canvas).reshape(*canvas.shape[:-3], -1)
    return flat.view(np.uint64) if flat.shape[-1] % 8 == 0 else flat


def different_looks(canvas: NDArray[np.uint8], *, share_white: bool) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return `looks` and `look_of` of a `Plan` for canvases uint8 [T, B, H, W, C].

    A canvas is compared with the one before it in its episode, and, if all white ones are shared, with white.

    >>> paper = np.full((3, 2, 1, 8, 1), 255, np.uint8)
    >>> paper[1:, 1] = 0
    >>> [each.tolist() for each in different_looks(paper, share_white=True)]
    [[0, 3], [0, 0, 0, 1, 0, 1]]
    >>> [each.tolist() for each in different_looks(paper, share_white=False)]
    [[0, 1, 3], [0, 1, 0, 2, 0, 2]]
    """
    time, batch = canvas.shape[:2]
    seen = words(canvas)
    new = np.ones((time, batch), bool)
    new[1:] = np.any(seen[1:] != seen[:-1], -1)
    white = np.zeros((time, batch), bool)
    if share_white:
        white = np.all(seen == np.iinfo(seen.dtype).max, -1)
        new &= ~white
    first_white = white.ravel().argmax() if white.any() else None
    # The step that looks: the newest new one of the episode so far, or the first white one of all.
    looking = np.maximum.accumulate(np.where(new, np.arange(time)[:, None], 0), 0) * batch + np.arange(batch)
    if first_white is not None:
        looking[white] = first_white
    looks, look_of = np.unique(looking, return_inverse=True)
    return looks.astype(np.int64), look_of.ravel().astype(np.int64)
