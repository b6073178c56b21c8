"""The same strokes on a larger canvas: the same picture, larger."""

from typing import Any

import numpy as np
import pytest
from pymypaint.brush_scale import rescale

from pymypaint import BatchPainter

N, SIZE, STROKES = 16, 64, 5


def ink(brush: str, radius: float, factor: int, **options: Any) -> float:
    """Mean blackness of canvases with the same random strokes, `factor` times as large."""
    random = np.random.default_rng(0)
    canvas = np.empty((N, SIZE * factor, SIZE * factor, 1), np.uint8)
    log_radius = np.full(N, np.log(radius * factor))
    with BatchPainter(N, brush, height=SIZE * factor, width=SIZE * factor, **options) as painter:
        painter.reset(canvas, log_radius=float(log_radius[0]))
        for _ in range(STROKES):
            end, control = random.uniform(0, SIZE, (2, N, 2)) * factor
            pressure, color, paint = np.full(N, 0.5), np.zeros((N, 3)), np.ones(N, bool)
            painter.stroke(end, control, pressure, log_radius, color, paint, canvas)
    return float((255 - canvas.astype(np.float64)).mean())


@pytest.mark.parametrize("brush", ["classic/pen", "classic/dry_brush"])
def test_painted_again_at_eight_times_keeps_its_ink(brush: str) -> None:
    small = ink(brush, 8.0, 1)
    assert ink(brush, 8.0, 8, scale=8.0) / small == pytest.approx(1.0, abs=0.02)
    # Without it speed thins the strokes: the test can fail.
    assert ink("classic/pen", 8.0, 8) / ink("classic/pen", 8.0, 1) < 0.9


def test_a_scale_of_one_changes_nothing() -> None:
    assert ink("classic/pen", 2.0, 1, scale=1.0) == ink("classic/pen", 2.0, 1)


def speed_input(speed: float, log_gamma: float) -> float:
    """libmypaint's speed input, as its mypaint-brush.c has it."""
    gamma = np.exp(log_gamma)
    slope = 0.015 * (45.0 + gamma)
    return float(np.log(gamma + speed) * slope + 0.5 - slope * np.log(45.0 + gamma))


def at(x: float, points: list[tuple[float, float]]) -> float:
    xs, ys = np.array(points).T
    return float(np.interp(x, xs, ys))


@pytest.mark.parametrize("scale", [0.5, 2.0, 8.0])
@pytest.mark.parametrize(("source", "log_gamma"), [("speed1", 4.0), ("speed2", 2.87), ("speed1", None)])
def test_speed_is_seen_divided_by_the_scale(scale: float, source: str, log_gamma: float | None) -> None:
    points = [(-2.0, -1.0), (0.5, 0.25), (4.0, 1.0)]
    settings: list[Any] = [("radius_logarithmic", 1.0, [(source, points), ("pressure", [(0.0, 0.0), (1.0, 0.5)])])]
    if log_gamma is not None:
        settings.append((f"{source}_gamma", log_gamma, []))
    changed = {name: (value, curves) for name, value, curves in rescale(settings, scale)}
    value, ((_, moved), pressure) = changed["radius_logarithmic"]
    new_gamma, _ = changed[f"{source}_gamma"]
    assert (value, pressure) == (1.0, ("pressure", [(0.0, 0.0), (1.0, 0.5)]))
    for speed in (0.0, 3.0, 45.0, 700.0):
        wanted = at(speed_input(speed, log_gamma or 0.0), points)
        assert at(speed_input(speed * scale, new_gamma), moved) == pytest.approx(wanted, abs=1e-9)


@pytest.mark.parametrize("scale", [0.5, 8.0])
def test_lengths_in_pixels_grow_with_the_canvas(scale: float) -> None:
    before = [("direction_filter", 4.0, []), ("gridmap_scale", 0.5, [])]
    after = {name: value for name, value, _ in rescale(before, scale)}
    assert np.exp(after["direction_filter"] / 2) - 1 == pytest.approx(scale * (np.exp(2.0) - 1))
    assert np.exp(after["gridmap_scale"]) == pytest.approx(scale * np.exp(0.5))


@pytest.mark.parametrize("scale", [0.0, -1.0, 1e4, float("nan")])
def test_scales_that_make_no_sense(scale: float) -> None:
    with pytest.raises(ValueError, match="scale: expected a number above 0"):
        BatchPainter(1, "classic/pen", scale=scale)
