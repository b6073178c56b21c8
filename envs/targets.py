"""Target images of canvases, and the L2 reward for reproducing them: a reward without a discriminator."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from envs.datasets import load_dataset

Reward = Literal["none", "l2"]
Paid = Literal["step", "final"]


class Targets:
    """The target of each of N canvases, and the rewards for coming near it.

    The distance of a canvas to its target is the mean squared difference of pixels in [0, 1], at the size of
    observations (Ganin et al. 2018, section 3.2). Paid "final", the last action of an episode is paid minus the
    distance, and others 0. Paid by "step", each action is paid the distance that it takes off; over an episode this is
    the distance of the empty canvas less that of the final one.

    Attributes:
        current: uint8 [N, H, W, C], the targets of the present episodes.
    """

    def __init__(
        self,
        count: int,
        shape: tuple[int, int, int],
        paid: Paid = "step",
        data: str | NDArray[np.uint8] | None = None,
        data_dir: str | None = None,
    ) -> None:
        """Draw targets from `data`, or take them from the options of each reset.

        Args:
            count: N.
            shape: (H, W, C) of an observed canvas.
            paid: "step" or "final".
            data: name or path of a data set, whose training images are the targets (see `envs.datasets.load_dataset`);
                images uint8 [M, H, W, C]; or None.
            data_dir: folder to look into first for a named data set.

        Raises:
            ValueError: an unknown way to pay, images of another shape, or no such data set.
        """
        if paid not in get_args(Paid):
            raise ValueError(f"paid: expected 'step' or 'final', got {paid!r}")
        if isinstance(data, str):
            folder = Path(data_dir) if data_dir else None
            data = load_dataset(data, size=shape[0], channels=3 if shape[2] == 3 else 1, data_dir=folder).images
        if data is not None and (data.dtype != np.uint8 or data.shape[1:] != shape or not len(data)):
            raise ValueError(f"data: expected images uint8 [M, {shape}], got {data.dtype} {list(data.shape)}")
        self.shape, self.paid, self.images = shape, paid, data
        self.current = np.full((count, *shape), 255, np.uint8)
        self.known = np.zeros(count, bool)
        self.distance = np.zeros(count)

    def choose(self, rows: NDArray[np.bool_], given: Any, generators: list[np.random.Generator]) -> None:
        """Set the targets of the episodes that begin.

        Args:
            rows: bool [N], true for canvases whose episode begins.
            given: uint8 [H, W, C] for all of these, or [N, H, W, C]; None draws from the data set, or keeps the
                last target if there is no data set.
            generators: source of each canvas's draws.

        Raises:
            ValueError: images of another shape, or there is neither a target nor a data set.
        """
        if given is not None:
            image = np.asarray(given)
            if image.dtype != np.uint8 or image.shape not in (self.shape, self.current.shape):
                raise ValueError(
                    f"options['target']: expected uint8 {self.shape} or {self.current.shape}, "
                    f"got {image.dtype} {image.shape}"
                )
            self.current[rows] = np.broadcast_to(image, self.current.shape)[rows]
        elif self.images is not None:
            for row in np.flatnonzero(rows):
                self.current[row] = self.images[generators[row].integers(len(self.images))]
        elif not self.known[rows].all():
            raise ValueError(
                "reset: reward 'l2' needs a target: give options={'target': image}, "
                "or data= when you make the environment"
            )
        self.known[rows] = True

    def begin(self, rows: NDArray[np.bool_], canvas: NDArray[np.uint8]) -> None:
        """Take the distance of the canvases uint8 [N, H, W, C] in `rows` as that before the first action."""
        self.distance[rows] = self.distances(canvas)[rows]

    def distances(self, canvas: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Distance of each canvas uint8 [N, H, W, C] to its target: float64 [N], 0 to 1."""
        difference = canvas.astype(np.float32) - self.current
        squared: NDArray[np.float64] = np.square(difference).mean((1, 2, 3), dtype=np.float64) / 255**2
        return squared

    def rewards(
        self, canvas: NDArray[np.uint8], acted: NDArray[np.bool_], ended: NDArray[np.bool_]
    ) -> NDArray[np.float64]:
        """Rewards of one step.

        Args:
            canvas: uint8 [N, H, W, C], after the step.
            acted: bool [N], true for canvases that an action was done on; others are paid 0.
            ended: bool [N], true for canvases whose episode this action ended.

        Returns:
            float64 [N].
        """
        if self.paid == "final" and not ended.any():
            return np.zeros(len(canvas))
        now = self.distances(canvas)
        paid = np.where(ended, -now, 0.0) if self.paid == "final" else np.where(acted, self.distance - now, 0.0)
        self.distance = np.where(acted, now, self.distance)
        return paid

    def __deepcopy__(self, memo: dict[int, Any]) -> Targets:
        """Copy everything but the data set, which never changes."""
        memo[id(self.images)] = self.images
        made = object.__new__(Targets)
        made.__dict__.update(copy.deepcopy(self.__dict__, memo))
        return made
