"""Settings of the painting world, and the strokes that its integer actions stand for."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Literal

import numpy as np
from annotated_types import Ge, Interval
from numpy.typing import NDArray

from envs.ranges import Count, Positive, Share, check_ranges
from envs.spec import ActionComponent, ActionSpec
from pymypaint import BatchPainter

MAX_GRID = 181
"""Locations are recorded as int16."""


@dataclass(frozen=True)
class PaintConfig:
    """Settings of the painting world (Ganin et al. 2018, section 4 and appendix; defaults as published).

    Attributes:
        canvas_size: height and width of the canvas that is painted, in pixels. Larger paints finer and slower; usual:
            64 to 512.
        observation_size: height and width of what the agent sees; must divide `canvas_size` (area pooling). Smaller
            makes networks, replay and transfers cheaper and loses detail; usual: 16 to 128.
        grid: cells of the location grid along each side. More place strokes more exactly and are harder to learn;
            usual: 16 to 64.
        episode_length: length of an episode; as published, the reset counts as one step, so that an episode has
            `episode_length - 1` actions. More actions paint more detail and are harder to credit; usual: 5 to 100.
        brush: name of a libmypaint brush, or path of a `.myb` file. An eraser makes white paint transparent, which
            observations show as black, as in the published environment.
        brush_defaults: what the settings are that the brush file leaves out: libmypaint's defaults, as in MyPaint
            (True), or 0, as in the published environment (False). None: True for a path, False for a name.
        brush_sizes: brush radii in pixels of the canvas; more than one makes it an action component. Larger ones cover
            faces, smaller ones draw lines; usual: 1 to a quarter of `canvas_size`.
        pressure_levels: number of pressures, `linspace(0.1, 1, n)`; 1 fixes the pressure at `fixed_pressure`. More vary
            width and darkness more finely and widen the search; usual: 1 to 10.
        fixed_pressure: pressure of every stroke if `pressure_levels` is 1; 1, as published, is the most that the brush
            can mark. Lower paints thinner, lighter strokes; usual: 0.5 to 1.
        color: paint in color (three components of `color_levels` each); else black on white.
        color_levels: values per color channel. More match colors better and are harder to learn; usual: 4 to 20.
        strokes: `chained`, as published: a stroke begins at the last one's end, or at the place that a move put the
            brush to. `free`: a stroke brings its own start, move and stroke in one, and a fresh brush paints each
            (unless `history`), so that what it paints depends on the canvas alone; pictures take fewer actions.
        first_is_move: let the first action only place the brush, whatever its flag says.
        history: keep one brush for ever, as the published environment does (what it paints then depends on
            all earlier episodes), instead of a fresh brush per episode, or per free stroke.
        legacy_move: reproduce the published environment's move bug (after a move, x is taken for y).
        threads: number of threads that paint. More are faster on free cores; results do not depend on it; usual: 1 per
            actor.

    Raises:
        ValueError: a setting out of range; one line that names it.

    Example:
        >>> config = PaintConfig(color=False, brush_sizes=(2.0,), grid=16, episode_length=6)
        >>> config.action_spec.names
        ('control', 'end', 'flag', 'pressure')
        >>> config.num_actions, config.canvas_shape
        (5, (64, 64, 1))
    """

    canvas_size: Annotated[int, Interval(ge=1, le=4096)] = 64
    observation_size: Count = 64
    grid: Annotated[int, Interval(ge=2, le=MAX_GRID)] = 32
    episode_length: Annotated[int, Ge(2)] = 20
    brush: str = "classic/dry_brush"
    brush_defaults: bool | None = None
    brush_sizes: tuple[Positive, ...] = (1.0, 2.0, 4.0, 8.0, 12.0, 24.0)
    pressure_levels: Count = 10
    fixed_pressure: Share = 1.0
    color: bool = True
    color_levels: Annotated[int, Interval(ge=2, le=256)] = 20
    strokes: Literal["chained", "free"] = "chained"
    first_is_move: bool = False
    history: bool = False
    legacy_move: bool = False
    threads: Count = 1

    def __post_init__(self) -> None:
        check_ranges(self)
        if self.canvas_size % self.observation_size:
            raise ValueError(
                f"observation_size: expected a divisor of canvas_size {self.canvas_size}, got {self.observation_size}"
            )
        if self.grid > self.canvas_size:
            raise ValueError(f"grid: expected at most the canvas_size, {self.canvas_size}, got {self.grid}")
        if not self.brush_sizes:
            raise ValueError("brush_sizes: expected at least one radius in pixels, got none")
        if self.strokes not in ("chained", "free"):
            raise ValueError(f"strokes: expected chained or free, got {self.strokes!r}")
        if self.strokes == "free" and (self.first_is_move or self.legacy_move):
            raise ValueError("strokes: free ones bring their own starts; give first_is_move and legacy_move as False")

    @property
    def num_actions(self) -> int:
        """T, the number of actions of an episode."""
        return self.episode_length - 1

    @property
    def channels(self) -> int:
        """C, the number of channels of a canvas: 3 in color, else 1."""
        return 3 if self.color else 1

    @property
    def canvas_shape(self) -> tuple[int, int, int]:
        """(H, W, C) of the observed canvas."""
        return self.observation_size, self.observation_size, self.channels

    @property
    def fresh_strokes(self) -> bool:
        """Test whether a fresh brush paints each stroke, see `pymypaint.BatchPainter`."""
        return self.strokes == "free" and not self.history

    @property
    def action_spec(self) -> ActionSpec:
        """Components of an action; those that this configuration does not use are left out, as published."""
        cells = self.grid * self.grid
        free = self.strokes == "free"
        components = [
            ActionComponent("control", cells, location=True),
            ActionComponent("end", cells, location=True, painting_only=free),
            ActionComponent("flag", 2, painting_only=False),
        ]
        if free:
            components.append(ActionComponent("start", cells, location=True))
        if self.pressure_levels > 1:
            components.append(ActionComponent("pressure", self.pressure_levels))
        if len(self.brush_sizes) > 1:
            components.append(ActionComponent("size", len(self.brush_sizes)))
        if self.color:
            components += [ActionComponent(name, self.color_levels) for name in ("red", "green", "blue")]
        radii = tuple(size / self.canvas_size for size in self.brush_sizes)
        return ActionSpec(tuple(components), self.grid, self.first_is_move, radii=radii)


@dataclass
class Strokes:
    """Real-valued strokes of N canvases, the decoded form of an action array [N, K].

    Attributes:
        end: float64 [N, 2], (y, x) in pixels of the canvas.
        control: float64 [N, 2], control point of the quadratic Bezier curve, likewise.
        pressure: float64 [N], 0 to 1, reached at the end of the stroke.
        log_radius: float64 [N], logarithm of the brush's radius in pixels.
        color: float64 [N, 3], red, green and blue, 0 to 1.
        paint: bool [N], false for a move, or for a free stroke that is left out.
        start: float64 [N, 2], like `end`, of free strokes; None if strokes are chained.
    """

    end: NDArray[np.float64]
    control: NDArray[np.float64]
    pressure: NDArray[np.float64]
    log_radius: NDArray[np.float64]
    color: NDArray[np.float64]
    paint: NDArray[np.bool_]
    start: NDArray[np.float64] | None = None

    def paint_on(
        self,
        painter: BatchPainter,
        canvas: NDArray[np.uint8] | None,
        active: NDArray[np.bool_] | None = None,
        error_change: NDArray[np.int64] | None = None,
    ) -> None:
        """Paint them with `painter`, whose canvases are written to `canvas`.

        Args:
            painter: the native canvases and brushes.
            canvas: uint8 [N, H, W, C], written in place; a canvas on which a free stroke is left out is not written.
                None: nobody looks.
            active: bool [N], true for the canvases to paint on; by default all.
            error_change: int64 [N], written likewise, see `BatchPainter.stroke`; needs targets.
        """
        if self.start is not None:
            active = self.paint if active is None else active & self.paint
        stroke = (self.end, self.control, self.pressure, self.log_radius, self.color, self.paint)
        painter.stroke(*stroke, canvas, start=self.start, active=active, error_change=error_change)


@dataclass(frozen=True)
class StrokeDecoder:
    """Decoder of integer actions into strokes, with the tables of the published environment."""

    config: PaintConfig
    spec: ActionSpec = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "spec", self.config.action_spec)

    def smallest_log_radius(self, scale: float = 1.0) -> float:
        """Logarithm of the brush's radius after a reset, in pixels of a canvas `scale` times as large."""
        return float(np.log(self.config.brush_sizes[0] * scale))

    def __call__(self, actions: NDArray[np.int64], scale: float = 1.0) -> Strokes:
        """Decode int64 [N, K]; `scale` paints the same strokes on a canvas that many times as large."""
        config, spec, count = self.config, self.spec, len(actions)
        size = config.canvas_size * scale

        def levels(name: str, table: NDArray[np.float64], default: float) -> NDArray[np.float64]:
            column = spec.column(name)
            return np.full(count, default) if column is None else table[actions[:, column]]

        def points(name: str) -> NDArray[np.float64]:
            cell = actions[:, spec.names.index(name)]
            return np.stack(np.divmod(cell, config.grid), 1) * (size / config.grid)

        log_radii = np.log(np.array(config.brush_sizes) * scale)
        shades = np.linspace(0.0, 1.0, config.color_levels)
        return Strokes(
            end=points("end"),
            control=points("control"),
            pressure=levels("pressure", np.linspace(0.1, 1.0, config.pressure_levels), config.fixed_pressure),
            log_radius=levels("size", log_radii, float(log_radii[0])),
            color=np.stack([levels(name, shades, 0.0) for name in ("red", "green", "blue")], 1),
            paint=actions[:, spec.flag] == 1,
            start=points("start") if config.strokes == "free" else None,
        )


def some(rows: NDArray[np.bool_]) -> NDArray[np.bool_] | None:
    """`rows`, or None, which stands for all of them and is faster, if all are true."""
    return None if rows.all() else rows
