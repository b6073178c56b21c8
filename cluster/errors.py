"""Errors that are a user's to read: one line that says what was wrong and what to do."""

from __future__ import annotations


class UserError(Exception):
    """Ends a command with exit status 2 and this one line."""


#: Characters of a line that somebody still reads on a terminal; a library's message, or a mistyped word, can be longer.
LONGEST_LINE = 900
#: Characters of another library's message that are told.
LONGEST_MESSAGE = 200


def short_line(text: str) -> str:
    r"""A text as one line, without its middle if that is long; what a terminal would obey is spelled out.

    Examples:
        >>> short_line("two\nlines, and \x1b[2J")
        'two lines, and \\x1b[2J'
    """
    line = "".join(each if each.isprintable() else ascii(each)[1:-1] for each in " ".join(text.split()))
    half = LONGEST_LINE // 2
    return line if len(line) <= LONGEST_LINE else f"{line[:half]} ... {line[-half:]}"


def one_line(error: BaseException) -> str:
    """The message of an error as one line; its kind if it has none."""
    return " ".join(str(error).split()) or type(error).__name__
