"""The batch of canvases. The work is done in `_core`; this module finds the brush and documents the rest."""

import os
from types import TracebackType
from typing import Self

from pymypaint import _core
from pymypaint.brush_file import load_brush
from pymypaint.brush_scale import rescale
from pymypaint.brushes import find_brush, is_own_file


class BatchPainter(_core.Painter):
    """N canvases, each with its own brush and 15-bit RGBA buffer, that paint one stroke per call on each of them.

    Strokes are those of the published SPIRAL environment (Ganin et al. 2018, arXiv 1804.01118, section 4.2;
    `deepmind/spiral`): a quadratic Bezier curve in 50 brush updates. Results depend neither on N nor on `threads`.

    For searches, `copy` forks canvases with their brushes, and `stroke` says by how much each stroke has changed the
    squared error of its canvas against a picture given with `set_targets`.

    All methods may be called from several Python threads: calls on one object happen one after the other, and the
    interpreter lock is released meanwhile. A closed object raises RuntimeError.

    Attributes:
      num_canvases, height, width, threads: as given.
      brush: the brush's name or path, as given.
      closed: whether `close` has been called.
    """

    def __init__(
        self,
        num_canvases: int,
        brush: str | os.PathLike[str],
        *,
        height: int = 64,
        width: int = 64,
        history: bool = False,
        legacy_move: bool = False,
        fresh_strokes: bool = False,
        defaults: bool | None = None,
        scale: float = 1.0,
        threads: int = 1,
    ) -> None:
        """Creates white canvases.

        Args:
          num_canvases: N.
          brush: a name such as "classic/pen" or a path to a `.myb` file (see `find_brush`).
          height, width: of each canvas in pixels, 1 to 4096.
          history: False: `reset` takes a fresh brush, so that a painting is a pure function of its actions. True: one
            brush lives through all episodes as in the published environment, and what it paints depends on all that it
            has painted (its random generator, and what a lazy reset leaks of the last position).
          legacy_move: True: after a move to (y, x) the next stroke starts at (y, y), the published environment's bug.
          fresh_strokes: True: each stroke that is given a `start` is painted by a fresh brush, which is at rest where
            the stroke begins. What it paints then depends on no strokes before it, but for the pixels that they left:
            brushes that scatter their dabs at random scatter those of each stroke alike. Not with `history`.
          defaults: True: settings that the brush file leaves out have libmypaint's defaults, as in MyPaint. False: they
            are 0, as in the published environment. None: True for the path of a file, False for a name.
          scale: the strokes are those of a canvas this many times smaller, painted larger: the brush sees the speed it
            would have there. Positions and radii are in pixels of this canvas all the same.
          threads: CPU threads that share the canvases. More are of use while N is several times as large.

        Raises:
          ValueError: a missing or broken brush, a number out of range, or both `history` and `fresh_strokes`.
        """
        if history and fresh_strokes:
            raise ValueError("fresh_strokes: with history one brush lives for ever; give one of them as False")
        if not 0 < scale <= 1000:
            raise ValueError(f"scale: expected a number above 0 and up to 1000, got {scale}")
        path = find_brush(brush)
        settings = rescale(load_brush(path, defaults=is_own_file(brush) if defaults is None else defaults), scale)
        super().__init__(
            num_canvases,
            settings,
            height=height,
            width=width,
            history=history,
            legacy_move=legacy_move,
            fresh_strokes=fresh_strokes,
            threads=threads,
        )
        self._brush = os.fspath(brush)

    @property
    def brush(self) -> str:
        return self._brush

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        size = f"{self.num_canvases} x {self.height}x{self.width}"
        return f"BatchPainter({size}, {self.brush!r}{', closed' if self.closed else ''})"
