"""Curves of a word's size."""

from __future__ import annotations

import math
from collections.abc import Sequence


def sparkline(values: Sequence[float], width: float = 88.0, height: float = 22.0) -> str:
    """The `points` of an SVG polyline through the values, evenly spaced; empty for fewer than two."""
    finite = [value for value in values if math.isfinite(value)]
    if len(finite) < 2:
        return ""
    low, high = min(finite), max(finite)
    span = (high - low) or 1.0
    margin = 2.0
    return " ".join(
        f"{margin + (width - 2 * margin) * place / (len(finite) - 1):.1f},"
        f"{height - margin - (height - 2 * margin) * (value - low) / span:.1f}"
        for place, value in enumerate(finite)
    )
