"""Strokes proposed by hand, not by a policy: where the canvas still differs from its target."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from envs.paint import PaintConfig

Floats = NDArray[np.float64]
#: Radii are given in pixels of a canvas of this size.
REFERENCE = 64
#: Places of a curve at which the target's color is looked up.
ALONG = (0.0, 0.25, 0.5, 0.75, 1.0)


def points_by_weight(weight: NDArray[np.floating], count: int, rng: np.random.Generator) -> Floats:
    """Draw `count` pixels of each picture with probabilities in proportion to weights float [N, H, W] >= 0.

    Returns:
        float64 [N, count, 2], (y, x) of a random place within each pixel, in pixels.
    """
    number, height, width = weight.shape
    flat = weight.reshape(number, -1).astype(np.float64) + 1e-12
    sums = flat.cumsum(1)
    drawn = rng.random((number, count)) * sums[:, -1:]
    index = np.stack([np.searchsorted(row, values) for row, values in zip(sums, drawn, strict=True)])
    corner = np.stack(np.divmod(np.minimum(index, height * width - 1), width), -1)
    return corner + rng.random((number, count, 2))


def pixel_error(canvas: NDArray[np.uint8], target: NDArray[np.uint8]) -> NDArray[np.float32]:
    """float32 [N, H, W], the squared difference of uint8 [N, H, W, C], mean over channels."""
    difference = canvas.astype(np.int16) - target
    error: NDArray[np.float32] = np.square(difference, dtype=np.float32).mean(-1)
    return error


def along(target: NDArray[np.uint8], start: Floats, control: Floats, end: Floats) -> Floats:
    """The target's mean color float64 [N, P, C], 0 to 255, at five places of curves [N, P, 2] given in pixels."""
    height, width = target.shape[1:3]
    row = np.arange(len(target))[:, None]
    total = np.zeros((*start.shape[:2], target.shape[3]))
    for t in ALONG:
        y, x = np.moveaxis(((1 - t) ** 2 * start + 2 * t * (1 - t) * control + t * t * end).astype(np.int64), -1, 0)
        total += target[row, y.clip(0, height - 1), x.clip(0, width - 1)]
    return total / len(ALONG)


class Proposals:
    """Free strokes for any picture (`brush`), or for lines of a pen in one color.

    Strokes in color begin where the squared error is; their radius falls with the share of the episode that is over,
    their length is a random multiple of it, their color the target's along the curve. Lines begin at ink that is
    missing, end at ink, and pass through ink.
    """

    def __init__(self, config: PaintConfig, seed: int = 0) -> None:
        """`config` must have free strokes."""
        if config.strokes != "free":
            raise ValueError(f"strokes: proposals are free strokes, got {config.strokes}; take strokes free")
        self.config, self.spec = config, config.action_spec
        self.rng = np.random.default_rng(seed)
        self.log_radii = np.log(np.array(config.brush_sizes) * (REFERENCE / config.canvas_size))

    def __call__(
        self, canvas: NDArray[np.uint8], target: NDArray[np.uint8], progress: NDArray[np.floating], count: int
    ) -> NDArray[np.int64]:
        """Propose strokes.

        Args:
            canvas: uint8 [N, H, W, C].
            target: uint8 [N, H, W, C].
            progress: [N], share of the episode's strokes that is painted, in [0, 1).
            count: P, strokes for each canvas.

        Returns:
            int64 [N, P, K], all of which paint.
        """
        if not count:
            return np.zeros((len(canvas), 0, len(self.spec.names)), np.int64)
        make = self.brush if self.config.color else self.pen
        start, control, end, log_radius = make(canvas, target, progress, count)
        size = target.shape[1]
        bounded = [np.clip(point, 0, size) for point in (start, control, end)]
        parts = dict(zip(("start", "control", "end"), (self.cells(point, size) for point in bounded), strict=True))
        parts["flag"] = np.ones(start.shape[:2], np.int64)
        parts["size"] = np.abs(log_radius[..., None] - self.log_radii).argmin(-1)
        if self.config.pressure_levels > 1:
            parts["pressure"] = self.rng.integers(0, self.config.pressure_levels, start.shape[:2])
        if self.config.color:
            shade = along(target, bounded[0], bounded[1], bounded[2]) / 255 * (self.config.color_levels - 1)
            parts |= dict(
                zip(("red", "green", "blue"), np.moveaxis(shade.round().astype(np.int64), -1, 0), strict=True)
            )
        return np.stack([parts[name] for name in self.spec.names], -1)

    def cells(self, place: Floats, size: int) -> NDArray[np.int64]:
        """Cells of the grid nearest to (y, x) [..., 2] in pixels of pictures of `size`."""
        grid = self.config.grid
        y, x = np.moveaxis((place * (grid / size)).round().astype(np.int64).clip(0, grid - 1), -1, 0)
        cells: NDArray[np.int64] = y * grid + x
        return cells

    def brush(
        self, canvas: NDArray[np.uint8], target: NDArray[np.uint8], progress: NDArray[np.floating], count: int
    ) -> tuple[Floats, Floats, Floats, Floats]:
        """Start, control, end float64 [N, P, 2] in pixels of the target, log radius [N, P] on the reference canvas."""
        rng, number, scale = self.rng, len(canvas), target.shape[1] / REFERENCE
        # Squared once more: what is far off comes first.
        start = points_by_weight((pixel_error(canvas, target) + 1.0) ** 2, count, rng)
        left = np.maximum(0.0, 1 - 1.3 * np.asarray(progress))[:, None]
        log_radius = rng.normal(np.log(1.5 + 14 * left**2), 0.6, (number, count))
        length = np.exp(log_radius + rng.normal(0.9, 0.7, (number, count)))[..., None] * scale
        angle = rng.random((number, count)) * 2 * np.pi
        end = start + length * np.stack([np.sin(angle), np.cos(angle)], -1)
        control = (start + end) / 2 + rng.normal(0, 0.25, start.shape) * length
        return start, control, end, log_radius

    def pen(
        self, canvas: NDArray[np.uint8], target: NDArray[np.uint8], progress: NDArray[np.floating], count: int
    ) -> tuple[Floats, Floats, Floats, Floats]:
        """As `brush`; dark ink on white."""
        rng, number = self.rng, len(canvas)
        missing = np.clip(canvas[..., 0].astype(np.float32) - target[..., 0], 0, None) + 1e-3
        ink = 255.0 - target[..., 0] + 1e-3
        start = points_by_weight(missing, count, rng)
        end = points_by_weight(0.8 * missing + 0.2 * ink, count, rng)
        control = 2 * points_by_weight(ink, count, rng) - (start + end) / 2  # the curve's middle lies on ink
        loose = rng.random((number, count, 1)) < 0.4
        bend = rng.normal(0, 6 * target.shape[1] / REFERENCE, start.shape)
        control = np.where(loose, (start + end) / 2 + bend, control)
        low, high = self.log_radii.min(), self.log_radii.max()
        return start, control, end, rng.uniform(low, high, (number, count))

    def vary(self, actions: NDArray[np.int64], count: int) -> NDArray[np.int64]:
        """Strokes like those given, int64 [N, K]: `count` of each, with one or several parts changed a little.

        Returns:
            int64 [N, count, K], all of which paint.
        """
        rng, spec, grid = self.rng, self.spec, self.config.grid
        varied = actions[:, None].repeat(count, 1)
        reach = np.exp(rng.uniform(np.log(0.6), np.log(grid / 16), varied.shape[:2]))
        for column, component in enumerate(spec.components):
            change = rng.random(varied.shape[:2]) < 0.4
            value = varied[..., column]
            if component.location:
                y, x = np.divmod(value, grid)
                y = (y + rng.normal(0, reach)).round().astype(np.int64).clip(0, grid - 1)
                x = (x + rng.normal(0, reach)).round().astype(np.int64).clip(0, grid - 1)
                value = np.where(change, y * grid + x, value)
            elif component.name == "size":
                value = np.where(change, value + rng.choice((-1, 1), value.shape), value)
            elif component.name != "flag":
                step = rng.normal(0, 0.05 * component.size, value.shape).round().astype(np.int64)
                value = np.where(change, value + step, value)
            varied[..., column] = value.clip(0, component.size - 1)
        varied[..., spec.flag] = 1
        return varied
