"""Where actors put final canvases: a boundary, so that actors need not know what the shared replay runs on."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray


class CanvasSink(Protocol):
    """Takes final canvases for the discriminator."""

    def push(self, canvases: NDArray[np.uint8]) -> int:
        """Add records uint8 [B, H, W, C or 2C]; returns how many were pushed so far by all actors."""
