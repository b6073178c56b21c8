"""libmypaint for Python: many canvases painted at once with real brushes, pixel for pixel as libmypaint paints them."""

from pymypaint.brushes import find_brush
from pymypaint.painter import BatchPainter

__all__ = ["BatchPainter", "find_brush"]
