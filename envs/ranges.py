"""Ranges of settings, told by the type of a field and checked in one place."""

from __future__ import annotations

import math
import numbers
import operator
import types
import typing
from functools import cache
from typing import Annotated, Any

from annotated_types import Ge, Gt, Interval

Count = Annotated[int, Ge(1)]
"""A number of things that there must be one of at least."""
Natural = Annotated[int, Ge(0)]
"""A number of things that may be 0."""
Positive = Annotated[float, Gt(0)]
"""A finite number above 0."""
NotNegative = Annotated[float, Ge(0)]
"""A finite number of at least 0."""
Share = Annotated[float, Interval(ge=0, le=1)]
"""A number from 0 to 1."""


WORDS = {"ge": "at least", "gt": "more than", "le": "at most", "lt": "less than"}
HOLDS = {"ge": operator.ge, "gt": operator.gt, "le": operator.le, "lt": operator.lt}


def check_ranges(settings: Any) -> None:
    """Check every field of a dataclass against the range that its type tells; numbers must be finite.

    Example:
        >>> from dataclasses import dataclass
        >>> @dataclass(frozen=True)
        ... class Settings:
        ...     canvases: Count = 64
        ...
        ...     def __post_init__(self) -> None:
        ...         check_ranges(self)
        >>> Settings(canvases=0)
        Traceback (most recent call last):
        ValueError: canvases: expected at least 1, got 0

    Raises:
        ValueError: One line with the field's name, the range and the value.
    """
    kind: Any = type(settings)
    for name, hint in hints(kind).items():
        value = getattr(settings, name)
        many = typing.get_origin(hint) is tuple
        if not has_type(value, hint):
            raise ValueError(f"{name}: expected {type_in_words(hint)}, got {repr(value)[:80]}")
        for each in value if many else (value,):
            if isinstance(each, float) and not math.isfinite(each):
                raise ValueError(f"{name}: expected {'finite numbers' if many else 'a number'}, got {shown(value)}")
            if isinstance(each, int | float) and not all(HOLDS[word](each, limit) for word, limit in limits(hint)):
                raise ValueError(f"{name}: expected {described(hint)}, got {shown(value)}")


def has_type(value: Any, hint: Any) -> bool:
    """Return whether a value is of a field's type; a whole number counts as a number, yes and no as neither."""
    hint = hint.__origin__ if hasattr(hint, "__metadata__") else hint
    parts = typing.get_args(hint)
    if typing.get_origin(hint) is typing.Literal:
        return any(type(value) is type(part) and value == part for part in parts)
    if typing.get_origin(hint) is tuple:
        fits = isinstance(value, tuple) and (parts[-1] is ... or len(value) == len(parts))
        return fits and all(has_type(each, parts[0]) for each in value)
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        return any(has_type(value, part) for part in parts)
    wanted: Any = {int: numbers.Integral, float: numbers.Real}.get(hint, hint)
    return not isinstance(wanted, type) or (isinstance(value, wanted) and (hint is bool) == isinstance(value, bool))


def type_in_words(hint: Any) -> str:
    """A field's type for an error: `a whole number`, `one of laptop, paper`."""
    hint = hint.__origin__ if hasattr(hint, "__metadata__") else hint
    parts = typing.get_args(hint)
    if typing.get_origin(hint) is typing.Literal:
        return f"one of {', '.join(map(str, parts))}"
    if typing.get_origin(hint) is tuple:
        return f"{'several' if parts[-1] is ... else len(parts)} of: {type_in_words(parts[0])}"
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        return " or ".join(map(type_in_words, parts))
    return {int: "a whole number", float: "a number", bool: "yes or no", str: "text"}.get(hint, "nothing")


def limits(hint: Any) -> list[tuple[str, float]]:
    """The limits that a type tells, of a tuple's numbers too: `("ge", 1)` is a least value of 1."""
    if typing.get_origin(hint) is tuple:
        hint = typing.get_args(hint)[0]
    marks = getattr(hint, "__metadata__", ())
    return [(word, limit) for mark in marks for word in WORDS if (limit := getattr(mark, word, None)) is not None]


def described(hint: Any) -> str:
    """The range that a type tells in words: `at least 1`, `more than 0 and at most 0.5`, `0 to 1`; else empty."""
    words = dict(limits(hint))
    if words.keys() == {"ge", "le"}:
        return f"{words['ge']} to {words['le']}"
    return " and ".join(f"{WORDS[word]} {limit}" for word, limit in words.items())


def shown(value: Any) -> str:
    """A value as it would be typed."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple):
        return " ".join(map(shown, value))
    return f"{value:g}" if isinstance(value, float) else str(value)


@cache
def hints(kind: Any) -> dict[str, Any]:
    """The types of a dataclass's fields, with what `Annotated` adds to them."""
    return typing.get_type_hints(kind, include_extras=True)
