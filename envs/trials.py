"""Canvases on whose copies strokes are tried before one of them is painted."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from envs.paint import PaintConfig, StrokeDecoder
from envs.resampling import pool
from pymypaint import BatchPainter


class TrialCanvases:
    """N canvases with free strokes, each with a target and with P copies on which strokes are tried.

    Attributes:
        canvas: uint8 [n, h, w, C], the n canvases in use, as observed.
    """

    def __init__(self, config: PaintConfig, count: int, tries: int) -> None:
        """Make white canvases.

        Args:
            config: of the world; its strokes must be free.
            count: N, canvases in use at most.
            tries: P, strokes that `tried` takes for each at most.
        """
        self.config, self.count, self.tries = config, count, tries
        self.decoder = StrokeDecoder(config)
        size = config.canvas_size
        # Row 0 of each picture is the canvas itself, the others are its copies.
        self.rows = tries + 1
        self.painter = BatchPainter(
            count * self.rows,
            config.brush,
            height=size,
            width=size,
            defaults=config.brush_defaults,
            fresh_strokes=config.fresh_strokes,
            threads=config.threads,
        )
        self.pixels = np.empty((count * self.rows, size, size, config.channels), np.uint8)
        self.change = np.zeros(count * self.rows, np.int64)
        self.own = np.arange(count) * self.rows

    def begin(self, target: NDArray[np.uint8], canvas: NDArray[np.uint8] | None = None) -> None:
        """Begin n pictures with fresh brushes.

        Args:
            target: uint8 [n, H, W, C] of the canvas's size, n at most N.
            canvas: uint8 [n, H, W, C], what is painted already; None: white canvases.
        """
        self.used = len(target)
        self.active = np.zeros(self.count * self.rows, bool)
        self.active[self.own[: self.used]] = True
        wanted = target if self.used == self.count else np.resize(target, (self.count, *target.shape[1:]))
        self.painter.set_targets(np.ascontiguousarray(wanted), np.arange(self.count).repeat(self.rows))
        self.painter.reset(self.pixels, log_radius=self.decoder.smallest_log_radius())
        if canvas is not None:
            self.pixels[self.own[: self.used]] = canvas
            self.painter.load(self.pixels.copy(), self.pixels, active=self.active)
        self.look()

    def look(self) -> None:
        """Bring `canvas` up to date."""
        self.canvas = pool(self.pixels[self.own[: self.used]], self.config.observation_size)

    def layout(self, actions: NDArray[np.int64], first: int) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Actions int64 [n, p, K] as rows of the painter, from row `first` of each picture, and which rows paint."""
        laid = np.zeros((self.count, self.rows, actions.shape[2]), np.int64)
        laid[: self.used, first : first + actions.shape[1]] = actions
        flat = laid.reshape(self.count * self.rows, -1)
        return flat, flat[:, self.decoder.spec.flag] == 1

    def tried(
        self, actions: NDArray[np.int64], look: bool = False
    ) -> tuple[NDArray[np.float32], NDArray[np.uint8] | None]:
        """Paint each action on a copy of its canvas.

        Args:
            actions: int64 [n, p, K], p at most P; one whose flag is 0 leaves its copy as it is.
            look: also return what the copies look like.

        Returns:
            Gains float32 [n, p]: by how much each lowers the mean squared error of pixels in [0, 1]; and uint8
            [n, p, h, w, C], as observed, or None.
        """
        number = actions.shape[1]
        flat, paints = self.layout(actions, 1)
        source = np.arange(self.count * self.rows)
        source[paints] = self.own.repeat(self.rows)[paints]
        if look:
            shown = self.pixels.reshape(self.count, self.rows, *self.pixels.shape[1:])
            shown[: self.used, 1 : number + 1] = shown[: self.used, :1]
        self.painter.copy(source)
        self.change[:] = 0
        self.decoder(flat).paint_on(self.painter, self.pixels if look else None, error_change=self.change)
        gain = -self.change.reshape(self.count, self.rows)[: self.used, 1 : number + 1]
        gains = (gain / (255.0**2 * self.pixels[0].size)).astype(np.float32)
        if not look:
            return gains, None
        seen = pool(
            shown[: self.used, 1 : number + 1].reshape(-1, *self.pixels.shape[1:]), self.config.observation_size
        )
        return gains, seen.reshape(self.used, number, *self.config.canvas_shape)

    def paint(self, action: NDArray[np.int64]) -> None:
        """Do actions int64 [n, K] on the canvases."""
        flat, _ = self.layout(action[:, None], 0)
        self.decoder(flat).paint_on(self.painter, self.pixels)
        self.look()

    def errors(self) -> NDArray[np.float32]:
        """float32 [n], mean squared errors of pixels in [0, 1], of the canvas's size."""
        summed = self.painter.squared_error()[self.own[: self.used]]
        errors: NDArray[np.float32] = (summed / (255.0**2 * self.pixels[0].size)).astype(np.float32)
        return errors

    def close(self) -> None:
        """Free the canvases."""
        self.painter.close()
