"""Errors that are a user's to read: one line that says what was wrong and what to do."""

from __future__ import annotations


class UserError(Exception):
    """Ends a command with exit status 2 and this one line."""


def one_line(error: BaseException) -> str:
    """The message of an error as one line; its kind if it has none."""
    return " ".join(str(error).split()) or type(error).__name__
