"""The camera that looks at the floor of a scene."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Camera:
    """A camera that looks from the near side down at the floor, the square [-1, 1] x [-1, 1] at height 0.

    Attributes:
        distance: distance to the point that it looks at, in units of half the floor's side.
        pitch: degrees below the horizon.
        aim: (x, y, z) of the point in the middle of the picture.
        field_of_view: angle that the height of the picture spans, in degrees.
    """

    distance: float = 6.0
    pitch: float = 50.0
    aim: tuple[float, float, float] = (0.0, -0.06, 0.1)
    field_of_view: float = 22.0

    @property
    def axes(self) -> NDArray[np.float64]:
        """Directions of the camera in the scene, float64 [3, 3]: its right, up and backward in the rows."""
        angle = math.radians(self.pitch)
        return np.array(
            [[1, 0, 0], [0, math.sin(angle), math.cos(angle)], [0, -math.cos(angle), math.sin(angle)]], np.float64
        )

    @property
    def position(self) -> NDArray[np.float64]:
        """Place of the camera, float64 [3]."""
        position: NDArray[np.float64] = np.array(self.aim) + self.distance * self.axes[2]
        return position

    def project(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Places of points float64 [N, 3] in the picture: (y, x) float64 [N, 2], 0 (top, left) to 1."""
        right, up, back = ((points - self.position) @ self.axes.T).T
        scale = 0.5 / math.tan(math.radians(self.field_of_view) / 2)
        return np.stack([0.5 - scale * up / -back, 0.5 + scale * right / -back], 1)
