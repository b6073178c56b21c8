"""Types of the native module."""

import numpy as np
from numpy.typing import NDArray

def kernels() -> str:
    """The version of the pixel loops in use: "baseline", "avx2" or "avx512"."""

def has_setting(name: str) -> bool:
    """Whether the installed libmypaint has a brush setting of this name."""

def has_input(name: str) -> bool:
    """Whether the installed libmypaint has a brush input of this name."""

def default_settings() -> list[tuple[str, float]]:
    """Name and default value of every brush setting that the installed libmypaint knows."""

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
        fresh_strokes: bool,
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
        start: NDArray[np.float64] | None = None,
        active: NDArray[np.bool_] | None = None,
        error_change: NDArray[np.int64] | None = None,
        weighted_error_change: NDArray[np.int64] | None = None,
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
          start: float64 [N, 2]: strokes that paint begin here: the brush is lifted and placed at `start` first, as by
            a call of its own with `paint` False. None: a stroke begins where the brush is.
          active: bool [N]: canvases that are False stay exactly as they are, and so do their observations and error
            changes. Their rows of the other arguments are not looked at.
          error_change: int64 [N], written in place: by how much the stroke has changed the `squared_error` of its
            canvas (negative: nearer to the target). Only the pixels that the stroke touched are compared.
          weighted_error_change: int64 [N], written in place: the same of the weighted error.

        Raises:
          ValueError: an argument is not as described. Nothing has been painted then.
          RuntimeError: the painter is closed.
        """

    def copy(self, source: NDArray[np.int64], observation: NDArray[np.uint8] | None = None) -> None:
        """Makes canvas i a copy of what canvas source[i] is before the call, for all i at once.

        Everything is copied: pixels, the brush with its state and random generator, where the pen is. A canvas and its
        copy paint the same from then on. Permutations and source[i] == i cost nothing.

        Args:
          source: int64 [N], each in [0, N).
          observation: uint8 [N, H, W, C], written in place where source[i] != i.

        Raises:
          ValueError: an argument is not as described.
          RuntimeError: the painter is closed, or the brush is driven by a libmypaint other than 1.6.
        """

    def load(
        self,
        canvas: NDArray[np.uint8] | NDArray[np.uint16],
        observation: NDArray[np.uint8] | None = None,
        *,
        active: NDArray[np.bool_] | None = None,
    ) -> None:
        """Sets the pixels of all canvases; brushes and pens stay as they are.

        A canvas that was never reset is reset first (`log_radius` 0).

        Args:
          canvas: uint8 [N, H, W, C], C = 3 (RGB) or 1 (grey), which `observe` then gives back; or uint16 [N, H, W, 4],
            premultiplied RGBA as of `canvas_fix15`, alpha at most 2**15 and no color above its alpha.
          observation: uint8 [N, H, W, C], written in place.
          active: bool [N]: canvases that are False stay exactly as they are, and so do their observations.

        Raises:
          ValueError: an argument is not as described. Nothing has been changed then.
          RuntimeError: the painter is closed.
        """

    def set_targets(
        self,
        targets: NDArray[np.uint8] | None,
        index: NDArray[np.int64] | None = None,
        *,
        weight: NDArray[np.uint8] | None = None,
    ) -> None:
        """Gives the canvases pictures to be compared with; they are copied. They stay over resets and copies.

        Args:
          targets: uint8 [M, H, W, C], C = 3 (RGB) or 1 (compared with grey observations). None: no targets any more.
          index: int64 [N]: canvas i is compared with targets[index[i]]. None: canvas i with target i, M = N.
          weight: uint8 [M, H, W]: how much the squared error of a pixel counts in weighted errors.

        Raises:
          ValueError: an argument is not as described.
          RuntimeError: the painter is closed.
        """

    def squared_error(self, *, weighted: bool = False) -> NDArray[np.int64]:
        """Returns the squared differences between observations and targets, int64 [N], summed over pixels and channels.

        Args:
          weighted: each pixel's times its weight.

        Raises:
          ValueError: there are no targets, or no weights.
          RuntimeError: the painter is closed.
        """

    def observe(self, observation: NDArray[np.uint8]) -> None:
        """Writes all canvases into `observation`, uint8 [N, H, W, C], C = 3 (RGB) or 1 (grey)."""

    def canvas_fix15(self) -> NDArray[np.uint16]:
        """Returns a copy of the canvases, uint16 [N, H, W, 4]: premultiplied RGBA, 1.0 = 2**15."""

    def record_dabs(self, on: bool) -> None:
        """Begins to keep a record of all dabs that are drawn, empty at first, or stops and forgets it.

        The record stays with a canvas when `copy` moves it; a copy that is made has the record of the canvas whose
        place it takes, so take the dabs before you copy.

        Raises:
          RuntimeError: the painter is closed.
        """

    def take_dabs(self, canvas: int) -> NDArray[np.float32]:
        """Returns the dabs that a canvas was given since the last call, or since recording began, and forgets them.

        Args:
          canvas: its number, 0 to N - 1.

        Returns:
          float32 [D, 13], a row for each dab in their order: x, y and radius in pixels, hardness, aspect ratio (1: a
          circle), angle in degrees, opacity, red, green, blue, the alpha that it paints towards (0: an eraser), and the
          shares that keep the canvas' alpha (lock_alpha) and that only colorize. No rows if dabs are not recorded.

        Raises:
          ValueError: there is no such canvas.
          RuntimeError: the painter is closed.
        """

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
