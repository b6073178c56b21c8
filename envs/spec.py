"""Action specs as data: the decisions that an action is made of, their order of decoding, and when they count."""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

SKIP, ADD, MODIFY = 0, 1, 2
"""Values of the component `flag`: leave things as they are (a lifted brush, too), add a line or an object, and, in
scenes only, change the last object."""
DECODE_ORDER = ("flag", "start", "end", "control", "location", "type", "size", "pressure", "red", "green", "blue")
"""The order in which SPIRAL's policy decodes the components (paper, appendix; published agent). Those of scenes
(`location`, `type`) are unstated: a place is decided before what stands there."""


@dataclass(frozen=True)
class ActionComponent:
    """One discrete decision.

    Attributes:
        name: name of the component, e.g. `"end"`.
        size: number of values; a value is an integer in `[0, size)`.
        location: true if the value is a cell `(y, x) = divmod(value, grid)` of the location grid.
        painting_only: true if it has no effect, and counts in no loss, when nothing is drawn (flag 0).
    """

    name: str
    size: int
    location: bool = False
    painting_only: bool = True


@dataclass(frozen=True)
class ActionSpec:
    """Components of an action in spec order (the order of the columns of an action array `[..., K]`).

    Attributes:
        components: the K components.
        grid: width of the location grid; a location has `grid * grid` values.
        first_is_move: true if the first action of an episode is a move (flag 0) in any case.
        anchors: (y, x) on the canvas of each location, 0 (top, left) to 1; empty if a location is the corner of its
            cell of a grid laid over the canvas.
        radii: radius of the brush for each value of `size` (one value if the size is fixed), as a share of the
            canvas's height; empty in worlds without a brush.

    Example:
        >>> spec = ActionSpec((ActionComponent("end", 16, location=True, painting_only=False),
        ...                    ActionComponent("flag", 2, painting_only=False), ActionComponent("size", 3)), grid=4)
        >>> spec.names, spec.sizes.tolist()
        (('end', 'flag', 'size'), [16, 2, 3])
        >>> spec.mask(np.array([[5, 0, 2], [5, 1, 2]])).tolist()  # a move uses no size
        [[True, True, False], [True, True, True]]
        >>> spec.validate([[5, 1, 7]], count=1)
        Traceback (most recent call last):
        ValueError: actions[0]: size = 7, expected 0 to 2
    """

    components: tuple[ActionComponent, ...]
    grid: int
    first_is_move: bool = False
    anchors: tuple[tuple[float, float], ...] = ()
    radii: tuple[float, ...] = ()

    def __getstate__(self) -> dict[str, Any]:
        """Content to pickle: the fields, without what is cached (tensors of this machine's devices)."""
        return {each.name: getattr(self, each.name) for each in fields(self)}

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Names of the components in spec order."""
        return tuple(component.name for component in self.components)

    @cached_property
    def sizes(self) -> NDArray[np.int64]:
        """Number of values of each component, int64 [K]."""
        return np.array([component.size for component in self.components], np.int64)

    @cached_property
    def decode_order(self) -> tuple[int, ...]:
        """Columns in the order in which a policy decides them; unknown names come last, in spec order."""
        rank = {name: place for place, name in enumerate(DECODE_ORDER)}
        columns = range(len(self.components))
        return tuple(sorted(columns, key=lambda column: rank.get(self.names[column], len(rank) + column)))

    @cached_property
    def flag(self) -> int:
        """Column of the flag: 0 draws nothing (the brush is lifted, the scene is left as it is)."""
        return self.names.index("flag")

    @cached_property
    def painting_only(self) -> NDArray[np.bool_]:
        """Components that are masked while the brush is lifted, bool [K]."""
        return np.array([component.painting_only for component in self.components])

    @cached_property
    def canvas_places(self) -> NDArray[np.float64]:
        """(y, x) on the canvas of each location, 0 (top, left) to 1: float64 [grid * grid, 2]."""
        if self.anchors:
            return np.array(self.anchors)
        return np.stack(np.divmod(np.arange(self.grid * self.grid), self.grid), 1) / self.grid

    def column(self, name: str) -> int | None:
        """Column of the component `name`, or None if this spec does not have it."""
        return self.names.index(name) if name in self.names else None

    def mask(self, actions: Any) -> Any:
        """Mask of the components of `actions` that counted.

        Args:
            actions: integers [..., K], a NumPy array or a torch tensor.

        Returns:
            bool [..., K] of the same kind: with flag 0 true only for components that a move or skip uses, else for all.
        """
        painted = actions[..., self.flag : self.flag + 1] != 0
        return painted | (self.always if isinstance(actions, np.ndarray) else self.always_on(painted))

    @cached_property
    def always(self) -> NDArray[np.bool_]:
        """Components that count in any action, bool [K]."""
        return ~self.painting_only

    @cached_property
    def copies(self) -> dict[Any, Any]:
        """Tensors of `always` by their device, for `always_on`."""
        return {}

    def always_on(self, like: Any) -> Any:
        """`always` as a tensor on the device of the tensor `like`; it is copied there once."""
        if like.device not in self.copies:
            self.copies[like.device] = like.new_tensor(self.always)
        return self.copies[like.device]

    def validate(self, actions: ArrayLike, count: int, used: NDArray[np.bool_] | None = None) -> NDArray[np.int64]:
        """Check an action array and return it as int64 [count, K].

        Args:
            actions: integers [count, K].
            count: number of rows.
            used: bool [count], true for rows whose values must be in range; by default all.

        Raises:
            ValueError: wrong dtype or shape, or a component out of range; the message names the component.
        """
        array = np.asarray(actions)
        if not np.issubdtype(array.dtype, np.integer):
            raise ValueError(f"actions: expected integers, got dtype {array.dtype}")
        if array.shape != (count, len(self.components)):
            raise ValueError(
                f"actions: expected shape {(count, len(self.components))} ({', '.join(self.names)}), got {array.shape}"
            )
        bad = (array < 0) | (array >= self.sizes)
        if used is not None:
            bad &= used[:, None]
        if bad.any():
            row, column = map(int, np.argwhere(bad)[0])
            raise ValueError(
                f"actions[{row}]: {self.names[column]} = {array[row, column]}, expected 0 to {self.sizes[column] - 1}"
            )
        return array.astype(np.int64, copy=False)
