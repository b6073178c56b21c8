"""A brush for a larger canvas: what it does follows from the same stroke at the size for which it was made.

libmypaint measures a brush's way in pixels. The same stroke on a canvas twice as large is twice as fast, so that a pen
that thins with speed thins more, and ink is lost. Each quantity in pixels is brought back here in the brush's settings,
exactly but for rounding; the brush engine is left as it is. Lengths in radii of the brush, and times, need nothing.
"""

import math

from pymypaint.brush_file import Curve, Setting

_SPEED_GAMMA = {"speed1": "speed1_gamma", "speed2": "speed2_gamma"}


def rescale(settings: list[Setting], scale: float) -> list[Setting]:
    """The settings that make a brush paint on a canvas `scale` times as large what it paints at 1, larger.

    Antialiasing keeps its width of about a pixel, so that thin strokes, which owe it part of their ink at 1, lose that
    share.

    Args:
      settings: as `load_brush` returns them.
      scale: above 0.
    """
    if scale == 1.0:
        return settings
    values = {name: value for name, value, _ in settings}
    gammas = {source: values.get(name, 0.0) for source, name in _SPEED_GAMMA.items()}
    shift = math.log(scale)
    bases = {name: values.get(name, 0.0) + shift for name in _SPEED_GAMMA.values()}
    if "gridmap_scale" in values:
        bases["gridmap_scale"] = values["gridmap_scale"] + shift
    for name, value, curves in settings:
        if name == "direction_filter" and not curves:  # a length of exp(value / 2) - 1 pixels
            bases[name] = 2.0 * math.log1p(scale * math.expm1(value / 2.0))
    changed = [
        (name, bases.pop(name, value), [_seen_slower(curve, gammas, scale) for curve in curves])
        for name, value, curves in settings
    ]
    return changed + [(name, value, []) for name, value in bases.items()]


def _seen_slower(curve: Curve, gammas: dict[str, float], scale: float) -> Curve:
    """The curve that gives at `scale` times a speed what `curve` gives at that speed.

    The input is m log(gamma + speed) + q with m and q from gamma. With scale * gamma in place of gamma, the logarithm
    of the scaled speed is that of the speed plus log(scale); what is left is a change of m and q.
    """
    source, points = curve
    if source not in gammas:
        return curve
    slope, offset = _speed_line(math.exp(gammas[source]))
    new_slope, new_offset = _speed_line(math.exp(gammas[source]) * scale)
    move = math.log(scale)
    return source, [(((x - offset) / slope + move) * new_slope + new_offset, y) for x, y in points]


def _speed_line(gamma: float) -> tuple[float, float]:
    """libmypaint's m and q: an input of 0.5 at 45 px/s, and there 0.015 more for each px/s."""
    slope = 0.015 * (45.0 + gamma)
    return slope, 0.5 - slope * math.log(45.0 + gamma)
