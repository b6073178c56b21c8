"""Sparklines: curves of a word's size."""

from __future__ import annotations

import math
from collections.abc import Sequence


def sparkline(values: Sequence[float]) -> str:
    """The `points` of an SVG polyline through the values, 88 by 22 pixels; empty for fewer than two values."""
    finite = [value for value in values if math.isfinite(value)]
    if len(finite) < 2:
        return ""
    low, high = min(finite), max(finite)
    span = (high - low) or 1.0
    width, height, margin = 88.0, 22.0, 2.0
    return " ".join(
        f"{margin + (width - 2 * margin) * place / (len(finite) - 1):.1f},"
        f"{height - margin - (height - 2 * margin) * (value - low) / span:.1f}"
        for place, value in enumerate(finite)
    )
