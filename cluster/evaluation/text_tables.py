"""Figures as text: numbers, and tables of them for a terminal or a Markdown file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from io import StringIO

from rich.console import Console
from rich.table import Table
from rich.text import Text


def number(value: float | None, form: str = ".4g") -> str:
    """A figure in a format of Python's, by default four significant digits; a dash for none."""
    return "-" if value is None else format(value, form)


def text_table(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Lines of aligned text: the first column to the left, all others to the right."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for place, title in enumerate(titles):
        table.add_column(Text(title), justify="right" if place else "left", no_wrap=True)
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    file = StringIO()
    Console(file=file, width=10_000, color_system=None).print(table)  # never so wide: lines are not folded
    return "\n".join(line.rstrip() for line in file.getvalue().splitlines())


def figures_table(
    rows: Mapping[str, Mapping[str, float | None]], columns: Mapping[str, str], form: str = ".3f", *, first: str = ""
) -> str:
    """Lines of aligned text, one for each named set of figures.

    Args:
        rows: figures by name, by row.
        columns: titles by the figures' names; those that no row has are left out.
        form: format of all figures.
        first: title of the rows' names.

    Examples:
        >>> rows = {"trained": {"recall": 0.512}, "untrained": {"recall": None}}
        >>> print(figures_table(rows, {"recall": "recall"}, first="policy"))
        policy     recall
        trained     0.512
        untrained       -
    """
    used = [name for name in columns if any(row.get(name) is not None for row in rows.values())]
    cells = ([name, *(number(row.get(column), form) for column in used)] for name, row in rows.items())
    return text_table([first, *(columns[name] for name in used)], cells)


def markdown_table(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """The lines of a Markdown table."""
    return "\n".join("| " + " | ".join(row) + " |" for row in (titles, ["---"] * len(titles), *rows))
