"""Transitions as fixed-size records for the shared replay, and n-step returns.

A *block* is the unit that an actor sends: a header that identifies it, then its records, all of one layout.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Columns = dict[str, NDArray[Any]]

_HEADER = struct.Struct("<4sIII")
_MAGIC = b"IMPT"
_VERSION = 1


@dataclass(frozen=True)
class TransitionLayout:
    """Layout of a record, small and picklable, for actors and learners.

    Attributes:
        columns: name, dtype and shape of each column, in order.

    Example:
        >>> layout = TransitionLayout((("reward", "<f4", ()), ("action", "<f4", (3,))))
        >>> block = layout.pack({"reward": np.zeros(2), "action": np.ones((2, 3))}, identity=7)
        >>> layout.identity(block.tobytes()), layout.unpack(block)["action"].shape
        (7, (2, 3))
    """

    columns: tuple[tuple[str, str, tuple[int, ...]], ...]

    @classmethod
    def plain(cls, observation_size: int, action_size: int) -> TransitionLayout:
        """Layout for any world of flat observations."""
        return cls(
            (
                ("observation", "<f4", (observation_size,)),
                ("action", "<f4", (action_size,)),
                ("reward", "<f4", ()),
                ("discount", "<f4", ()),
                ("next_observation", "<f4", (observation_size,)),
            )
        )

    @property
    def dtype(self) -> np.dtype[Any]:
        """NumPy's structured dtype of one record, without padding."""
        return np.dtype(list(self.columns))

    @property
    def header_bytes(self) -> int:
        """Bytes before the first record of a block."""
        return _HEADER.size

    def block_bytes(self, count: int) -> int:
        """Bytes of a block of `count` records."""
        return _HEADER.size + count * self.dtype.itemsize

    def pack(self, columns: Mapping[str, NDArray[Any]], identity: int) -> NDArray[np.uint8]:
        """Pack a block of B records.

        Args:
            columns: all columns of this layout, each [B, *shape].
            identity: number of 32 bits that no other block of the run has.

        Returns:
            uint8 [block_bytes(B)].

        Raises:
            ValueError: a column is missing, superfluous, or of another shape.
        """
        if set(columns) != {name for name, _, _ in self.columns}:
            raise ValueError(f"a record has {[name for name, _, _ in self.columns]}, got {list(columns)}")
        count = len(next(iter(columns.values())))
        block = np.empty(self.block_bytes(count), np.uint8)
        block[: _HEADER.size] = np.frombuffer(_HEADER.pack(_MAGIC, _VERSION, identity, count), np.uint8)
        records = block[_HEADER.size :].view(self.dtype)
        for name, _, shape in self.columns:
            if columns[name].shape != (count, *shape):
                raise ValueError(f"column {name} must be {[count, *shape]}, got {list(columns[name].shape)}")
            records[name] = columns[name]
        return block

    def identity(self, block: bytes | bytearray | memoryview) -> int:
        """Identity of a block.

        Raises:
            ValueError: these bytes are not a block of this format.
        """
        magic, version, identity, _ = _HEADER.unpack_from(block)
        if (magic, version) != (_MAGIC, _VERSION):
            raise ValueError(f"the replay holds a value that is no block of transitions: it begins with {magic!r}")
        return int(identity)

    def unpack(self, block: bytes | bytearray | memoryview | NDArray[np.uint8]) -> NDArray[Any]:
        """Records of a block, [B] of `dtype`, a view of its bytes."""
        return np.frombuffer(block, self.dtype, offset=_HEADER.size)


def n_step_returns(
    rewards: NDArray[np.float32],
    terminated: NDArray[np.bool_],
    ended: NDArray[np.bool_],
    discount: float,
    n: int,
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.intp]]:
    """Sum rewards over up to `n` steps, not beyond the end of the episode or of the block.

    Args:
        rewards: float32 [T, N] of N worlds in lock-step.
        terminated: bool [T, N], true if the world ended the episode in this step, so that nothing follows.
        ended: bool [T, N], true if the episode ended for any reason: terminated, or truncated by a time limit.
        discount: gamma.
        n: steps to sum over.

    Returns:
        `returns` float32 [T, N], the discounted sums; `discounts` float32 [T, N], the factor of the critic's estimate
        of the state after the last of these steps, 0 if the episode terminated within these steps (a truncated episode
        keeps its discount); `last` intp [T, N], the index of that last step.
    """
    steps, _ = rewards.shape
    returns = rewards.astype(np.float32, copy=True)
    discounts = np.where(terminated, 0.0, discount).astype(np.float32)
    last = np.repeat(np.arange(steps)[:, None], rewards.shape[1], 1)
    going = ~ended
    for ahead in range(1, n):
        reach = steps - ahead
        if reach <= 0:
            break
        goes = going[:reach]
        returns[:reach] += np.where(goes, discount**ahead * rewards[ahead:], 0.0).astype(np.float32)
        further = np.where(terminated[ahead:], 0.0, discount ** (ahead + 1))
        discounts[:reach] = np.where(goes, further, discounts[:reach])
        last[:reach] = np.where(goes, np.arange(ahead, steps)[:, None], last[:reach])
        going[:reach] &= ~ended[ahead:]
        going[reach:] = False
    return returns, discounts, last
