"""Types of the native module."""

import numpy as np
from numpy.typing import NDArray

def kernels() -> str:
    """The version of the pixel loops in use: "baseline" or "avx2"."""

def has_setting(name: str) -> bool:
    """Whether the installed libmypaint has a brush setting of this name."""

def has_input(name: str) -> bool:
    """Whether the installed libmypaint has a brush input of this name."""

class Painter:
    """See `pymypaint.BatchPainter`."""

    def __init__(
        self,
        num_canvases: int,
        settings: list[tuple[str, float, list[tuple[str, list[tuple[float, float]]]]]],
        *,
        height: int,
        width: int,
        history: bool,
        legacy_move: bool,
        threads: int,
    ) -> None: ...
    def reset(
        self,
        observation: NDArray[np.uint8] | None = None,
        *,
        log_radius: float | NDArray[np.float64] = 0.0,
        active: NDArray[np.bool_] | None = None,
    ) -> None:
        """Begins an episode: white canvas, brush lifted at (0, 0), black, `log_radius`.

        The brush is a fresh one, unless in history mode.

        Args:
          observation: uint8 [N, H, W, C], C = 3 (RGB) or 1 (grey), written in place.
          log_radius: float or float64 [N]: natural logarithm of the radius in pixels (radius 0.2 to 1000).
          active: bool [N]: canvases that are False stay exactly as they are, and so do their observations.

        Raises:
          ValueError: an argument is not as described.
          RuntimeError: the painter is closed.
        """

    def stroke(
        self,
        end: NDArray[np.float64],
        control: NDArray[np.float64],
        pressure: NDArray[np.float64],
        log_radius: NDArray[np.float64],
        color: NDArray[np.float64],
        paint: NDArray[np.bool_],
        observation: NDArray[np.uint8] | None = None,
        *,
        active: NDArray[np.bool_] | None = None,
    ) -> None:
        """Paints one stroke on each canvas, or moves its brush.

        A canvas that was never reset is reset first.

        Args:
          end: float64 [N, 2]: where the stroke ends, (y, x) in pixels, in [0, height] x [0, width].
          control: float64 [N, 2]: the Bezier curve's control point, same.
          pressure: float64 [N] in [0, 1]: at the end; it changes linearly from the last stroke's, or is constant after
            a move.
          log_radius: float64 [N]: natural logarithm of the radius in pixels (radius 0.2 to 1000).
          color: float64 [N, 3]: RGB in [0, 1].
          paint: bool [N]: False lifts the brush and places it at `end`; the other arguments then have no effect.
          observation: uint8 [N, H, W, C], C-contiguous, C = 3 (RGB) or 1 (grey: the red channel, as published), owned
            by the caller and written in place.
          active: bool [N]: canvases that are False stay exactly as they are, and so do their observations. Their
            rows of the other arguments are not looked at.

        Raises:
          ValueError: an argument is not as described. Nothing has been painted then.
          RuntimeError: the painter is closed.
        """

    def observe(self, observation: NDArray[np.uint8]) -> None:
        """Writes all canvases into `observation`, uint8 [N, H, W, C], C = 3 (RGB) or 1 (grey)."""

    def canvas_fix15(self) -> NDArray[np.uint16]:
        """Returns a copy of the canvases, uint16 [N, H, W, 4]: premultiplied RGBA, 1.0 = 2**15."""

    def close(self) -> None:
        """Frees the canvases; every later use raises RuntimeError. Closing twice is allowed."""

    @property
    def closed(self) -> bool: ...
    @property
    def num_canvases(self) -> int: ...
    @property
    def height(self) -> int: ...
    @property
    def width(self) -> int: ...
    @property
    def threads(self) -> int: ...
