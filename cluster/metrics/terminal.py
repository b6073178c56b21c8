"""The view of a run at the terminal while it trains: a live table, or plain lines if the output is no terminal.

Both are fed the same flat dictionary, the row that also goes to `metrics.jsonl`; the catalogue says how each metric is
shown. Every metric may be missing: "-" is shown.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from typing import Any, Protocol, TextIO

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from cluster.metrics.catalogue import CATALOGUE

Metrics = Mapping[str, Any]

SHARES = {
    "time/render": "green",
    "time/inference": "cyan",
    "time/transfer": "yellow",
    "time/learn": "magenta",
    "time/discriminate": "blue",
    "time/wait": "bright_black",
}
BAR_CELLS = 40
# Of plain lines; a table is redrawn at every update.
SECONDS_BETWEEN_LINES = 10.0
# Pairs of metrics side by side: of all runs, of painters, and of runs with a replay of transitions.
ALWAYS = (("env_steps", "env_steps_per_s"), ("lag/mean", "lag/max"), ("updates", "replay/fill"))
PAINTER = (("discriminator/real", "discriminator/fake"), ("policy/return", "policy/entropy"))
TD3 = (
    ("policy/return", "policy/value"),
    ("sample/score", "sample/accuracy"),
    ("limiter/samples_per_insert", "policy/critic_loss"),
)


class LiveView(Protocol):
    """A view of the state of a run."""

    def update(self, metrics: Metrics) -> None:
        """Show these metrics from now on."""

    def close(self) -> None:
        """Show the last metrics once more and give the terminal back. Safe to call twice."""


def make_view(stream: TextIO, *, title: str = "impasto") -> LiveView:
    """A live table if `stream` is a terminal that can draw one, else plain lines.

    Args:
        stream: usually sys.stdout.
        title: shown above the table, usually the run's folder.
    """
    console = Console(file=stream)
    if console.is_terminal and not console.is_dumb_terminal:
        return TableView(console, title)
    return LineView(stream, SECONDS_BETWEEN_LINES)


class TableView:
    """The live table of a terminal. Other output of the process appears above it."""

    def __init__(self, console: Console, title: str = "impasto") -> None:
        self._title = title
        self._live = Live(table({}, title), console=console, auto_refresh=False)
        self._live.start()

    def update(self, metrics: Metrics) -> None:
        """Redraw with these metrics."""
        self._live.update(table(metrics, self._title), refresh=True)

    def close(self) -> None:
        """Leave the last table on the screen and bring the cursor back."""
        self._live.stop()


class LineView:
    """One line of text per interval, for logs and pipes."""

    def __init__(self, stream: TextIO, interval_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._stream = stream
        self._interval_s = interval_s
        self._clock = clock
        self._next = -math.inf
        self._unshown: Metrics | None = None

    def update(self, metrics: Metrics) -> None:
        """Print a line if the interval is over, otherwise remember the metrics for later."""
        self._unshown = metrics
        if self._clock() >= self._next:
            self._print()

    def close(self) -> None:
        """Print the metrics that were not shown yet."""
        self._print()

    def _print(self) -> None:
        if self._unshown is None:
            return
        print(plain_line(self._unshown), file=self._stream, flush=True)
        self._unshown = None
        self._next = self._clock() + self._interval_s


def plain_line(metrics: Metrics) -> str:
    """The metrics as one line of text; before the first of them, the note alone."""
    if metrics.get("note") and "elapsed_s" not in metrics:
        return shown(metrics, "note")
    parts = [
        f"{shown(metrics, 'progress')} {duration(metrics.get('elapsed_s'))}",
        *(", ".join(f"{label} {value}" for label, value in cells) for cells in labeled_cells(metrics)),
        "time " + " ".join(f"{CATALOGUE[name].label} {shown(metrics, name)}" for name in SHARES),
    ]
    return " | ".join(parts + ([shown(metrics, "note")] if metrics.get("note") else []))


def labeled_cells(metrics: Metrics) -> list[list[tuple[str, str]]]:
    """Rows of (label, value) for this kind of run."""
    learned = TD3 if "limiter/samples_per_insert" in metrics else PAINTER
    rows = (*ALWAYS, *learned, ("runners/restarts", "redis/restarts"))
    return [[(CATALOGUE[name].label, shown(metrics, name)) for name in row] for row in rows]


def table(metrics: Metrics, title: str) -> Group:
    """The metrics as a table under a progress bar."""
    head = Table.grid(padding=(0, 2))
    bar = ProgressBar(total=1.0, completed=share(metrics, "progress"), width=BAR_CELLS)
    head.add_row(Text(title, style="bold"), bar, shown(metrics, "progress"), duration(metrics.get("elapsed_s")))
    body = Table.grid(padding=(0, 2))
    for style in ("bright_black", "bold", "bright_black", "bold"):
        body.add_column(style=style, no_wrap=True)
    for cells in labeled_cells(metrics):
        body.add_row(*(text for cell in cells for text in cell))
    paths = Table.grid(padding=(0, 2))
    paths.add_column(style="bright_black", no_wrap=True)
    paths.add_column(overflow="fold")
    for name in ("checkpoint/last", "sample/last"):
        paths.add_row(CATALOGUE[name].label, Text(shown(metrics, name)))  # Text: a path is no markup
    if metrics.get("note"):
        paths.add_row("note", Text(shown(metrics, "note"), style="bold red"))
    return Group(head, body, shares_bar(metrics), shares_legend(metrics), paths)


def shares_bar(metrics: Metrics) -> Text:
    """Shares of the time as one bar, each in its color; what is not accounted for stays empty."""
    bar = Text()
    done = 0.0
    for name, color in SHARES.items():
        start = round(done * BAR_CELLS)
        done = min(done + share(metrics, name), 1.0)
        bar.append("█" * (round(done * BAR_CELLS) - start), style=color)
    bar.append("░" * (BAR_CELLS - len(bar)), style="bright_black")
    return bar


def shares_legend(metrics: Metrics) -> Text:
    """Names and percentages of the bar's colors."""
    legend = Text()
    for name, color in SHARES.items():
        legend.append("■ ", style=color)
        legend.append(f"{CATALOGUE[name].label} {shown(metrics, name)}  ")
    return legend


def shown(metrics: Metrics, name: str) -> str:
    """A metric as the catalogue says; "-" if it is missing or not finite."""
    return CATALOGUE[name].text(metrics.get(name))


def share(metrics: Metrics, name: str) -> float:
    """A share, held to [0, 1]; 0 if it is missing or not finite."""
    value = metrics.get(name)
    return min(max(float(value), 0.0), 1.0) if value is not None and math.isfinite(value) else 0.0


def duration(seconds: float | None) -> str:
    """Seconds as hours:minutes:seconds; "-" if they are missing or not finite."""
    if seconds is None or not math.isfinite(seconds):
        return "-"
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}"
