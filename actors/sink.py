"""Boundary between actors and the shared replay, so that actors need not know what the replay runs on."""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray


class RecordSink(Protocol):
    """Destination of records: finished paintings for the discriminator, or blocks of transitions."""

    def push(self, records: NDArray[np.uint8]) -> int:
        """Add B records uint8 [B, *shape] to the replay.

        Returns:
            Number of records that all actors have pushed so far.
        """
