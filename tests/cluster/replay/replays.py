"""Small replays for the tests."""

import numpy as np

SHAPE = (8, 8, 3)


def numbered(*numbers: int, shape: tuple[int, int, int] = SHAPE) -> np.ndarray:
    """Canvases, each filled with one value."""
    return np.stack([np.full(shape, number, np.uint8) for number in numbers])


def values(canvases: np.ndarray) -> list[int]:
    assert (canvases == canvases[:, :1, :1, :1]).all(), "a canvas is a mixture of two"
    return [int(canvas[0, 0, 0]) for canvas in canvases]
