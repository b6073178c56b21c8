"""Checks that arguments share."""

from __future__ import annotations


def at_least(least: int, **values: float) -> None:
    """Check arguments by their names.

    Raises:
        ValueError: One of them is smaller, or not a number.
    """
    for name, value in values.items():
        if not value >= least:
            raise ValueError(f"{name}: expected at least {least}, got {value:g}")


def numbers(name: str, text: str) -> tuple[int, ...]:
    """Whole numbers with commas between them.

    Raises:
        ValueError: The text is something else.
    """
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        raise ValueError(f"{name}: expected numbers with commas between them, such as 1,4,16, got {text!r}") from None
