"""What the person at the terminal sees while a run trains: a live table, or plain lines where there is no terminal.

Both are fed the same flat dictionary, the row that also goes to metrics.jsonl. Every key may be missing: "-" is shown.

    progress                      share of the time or step limit that is done, 0 to 1
    elapsed_s                     seconds of training, over all restarts
    env_steps, env_steps_per_s    environment steps, and their rate over the last interval
    updates                       policy updates
    time/render, time/inference, time/transfer, time/learn, time/discriminate, time/wait   shares of the time, 0 to 1
    lag/mean, lag/max             policy lag: updates between the weights that painted and those that learned from it
    replay/fill                   filled share of the replay, 0 to 1
    discriminator/real, discriminator/fake   mean score of real images and of paintings
    policy/return                mean return of the finished episodes
    policy/entropy                mean entropy, nats per step
    limiter/samples_per_insert    how often a transition was learned from; only in runs with a replay of transitions
    policy/value, policy/critic_loss, sample/score, sample/accuracy   shown in those runs instead of scores and entropy
    runners/restarts              actors replaced so far
    checkpoint/last, sample/last  paths (strings)
    note                          what the run waits for, a string; shown only where there is one
"""

import math
import numbers
import time
from collections.abc import Callable, Mapping
from typing import Any, Protocol, TextIO

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

Metrics = Mapping[str, Any]

_SHARES = (
    ("render", "green"),
    ("inference", "cyan"),
    ("transfer", "yellow"),
    ("learn", "magenta"),
    ("discriminate", "blue"),
    ("wait", "bright_black"),
)
_BAR_CELLS = 40


class LiveView(Protocol):
    """Something that shows the state of a run; used as a context manager or closed by hand."""

    def update(self, metrics: Metrics) -> None:
        """Show these metrics from now on."""

    def close(self) -> None:
        """Show the last metrics once more and give the terminal back. Safe to call twice."""


def make_view(stream: TextIO, *, title: str = "impasto", interval_s: float = 10.0) -> LiveView:
    """A live table where `stream` is a terminal that can draw one, plain lines elsewhere.

    Args:
        stream: usually sys.stdout.
        title: shown above the table, usually the run's folder.
        interval_s: seconds between two plain lines; the table is redrawn at every update.
    """
    console = Console(file=stream)
    if console.is_terminal and not console.is_dumb_terminal:
        return TableView(console, title)
    return LineView(stream, interval_s)


class TableView:
    """The live table of a terminal. Other output of the process appears above it."""

    def __init__(self, console: Console, title: str = "impasto") -> None:
        self._title = title
        self._live = Live(_table({}, title), console=console, auto_refresh=False)
        self._live.start()

    def update(self, metrics: Metrics) -> None:
        """Redraw with these metrics."""
        self._live.update(_table(metrics, self._title), refresh=True)

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
        """Print what was not shown yet."""
        self._print()

    def _print(self) -> None:
        if self._unshown is None:
            return
        print(plain_line(self._unshown), file=self._stream, flush=True)
        self._unshown = None
        self._next = self._clock() + self._interval_s


def plain_line(metrics: Metrics) -> str:
    """The metrics as one line of text."""
    m = metrics
    middle = [
        f"real {_number(m, 'discriminator/real', 3)} fake {_number(m, 'discriminator/fake', 3)}",
        f"return {_number(m, 'policy/return', 3)}",
        f"entropy {_number(m, 'policy/entropy', 2)}",
    ]
    if "limiter/samples_per_insert" in m:
        middle = [
            f"reuse {_number(m, 'limiter/samples_per_insert', 1)}",
            f"return {_number(m, 'policy/return', 3)} value {_number(m, 'policy/value', 3)}",
            f"score {_number(m, 'sample/score', 3)} accuracy {_number(m, 'sample/accuracy', 3)}",
        ]
    parts = [
        f"{_percent(m, 'progress')} {_duration(m)}",
        f"steps {_count(m, 'env_steps')} ({_count(m, 'env_steps_per_s')}/s)",
        f"updates {_count(m, 'updates')}",
        f"lag {_number(m, 'lag/mean', 1)} max {_number(m, 'lag/max', 0)}",
        f"replay {_percent(m, 'replay/fill')}",
        *middle,
        f"restarts {_count(m, 'runners/restarts')}",
        "time " + " ".join(f"{name} {_percent(m, 'time/' + name)}" for name, _ in _SHARES),
    ]
    return " | ".join(parts + ([m["note"]] if m.get("note") else []))


def _table(m: Metrics, title: str) -> Group:
    progress = _finite(m, "progress")
    head = Table.grid(padding=(0, 2))
    bar = ProgressBar(total=1.0, completed=min(max(progress or 0.0, 0.0), 1.0), width=_BAR_CELLS)
    head.add_row(Text(title, style="bold"), bar, _percent(m, "progress"), _duration(m))
    body = Table.grid(padding=(0, 2))
    for style in ("bright_black", "bold", "bright_black", "bold"):
        body.add_column(style=style, no_wrap=True)
    learned: tuple[tuple[str, str, str, str], ...] = (
        ("episode return", _number(m, "policy/return", 3), "entropy", _number(m, "policy/entropy", 2)),
        ("score of real", _number(m, "discriminator/real", 3), "of painted", _number(m, "discriminator/fake", 3)),
    )
    if "limiter/samples_per_insert" in m:
        reuse, loss = _number(m, "limiter/samples_per_insert", 1), _number(m, "policy/critic_loss", 4)
        learned = (
            ("episode return", _number(m, "policy/return", 3), "value", _number(m, "policy/value", 3)),
            ("score without noise", _number(m, "sample/score", 3), "accuracy", _number(m, "sample/accuracy", 3)),
            ("samples per insert", reuse, "critic loss", loss),
        )
    rows = (
        ("environment steps", _count(m, "env_steps"), "steps/s", _count(m, "env_steps_per_s")),
        ("updates", _count(m, "updates"), "policy lag", f"{_number(m, 'lag/mean', 1)} max {_number(m, 'lag/max', 0)}"),
        *learned,
        ("replay fill", _percent(m, "replay/fill"), "restarts", _count(m, "runners/restarts")),
    )
    for row in rows:
        body.add_row(*row)
    paths = Table.grid(padding=(0, 2))
    paths.add_column(style="bright_black", no_wrap=True)
    paths.add_column(overflow="fold")
    paths.add_row("last checkpoint", _path(m, "checkpoint/last"))
    paths.add_row("last sample", _path(m, "sample/last"))
    if m.get("note"):
        paths.add_row("note", Text(m["note"], style="bold red"))
    return Group(head, body, _shares_bar(m), _shares_legend(m), paths)


def _shares_bar(m: Metrics) -> Text:
    """Shares of the time as one bar, each in its colour; what is not accounted for stays empty."""
    bar = Text()
    done = 0.0
    for name, colour in _SHARES:
        start = round(done * _BAR_CELLS)
        done = min(done + max(_finite(m, f"time/{name}") or 0.0, 0.0), 1.0)
        bar.append("█" * (round(done * _BAR_CELLS) - start), style=colour)
    bar.append("░" * (_BAR_CELLS - len(bar)), style="bright_black")
    return bar


def _shares_legend(m: Metrics) -> Text:
    legend = Text()
    for name, colour in _SHARES:
        legend.append("■ ", style=colour)
        legend.append(f"{name} {_percent(m, 'time/' + name)}  ")
    return legend


def _path(m: Metrics, key: str) -> Text:
    value = m.get(key)
    return Text(value if isinstance(value, str) and value else "-")  # Text: a path is no markup


def _finite(m: Metrics, key: str) -> float | None:
    value = m.get(key)
    if not isinstance(value, numbers.Real) or not math.isfinite(value):
        return None
    return float(value)


def _number(m: Metrics, key: str, digits: int) -> str:
    value = _finite(m, key)
    return "-" if value is None else f"{value:.{digits}f}"


def _count(m: Metrics, key: str) -> str:
    value = _finite(m, key)
    return "-" if value is None else f"{value:,.0f}"


def _percent(m: Metrics, key: str) -> str:
    value = _finite(m, key)
    return "-" if value is None else f"{100 * value:.0f}%"


def _duration(m: Metrics) -> str:
    value = _finite(m, "elapsed_s")
    if value is None:
        return "-"
    minutes, seconds = divmod(int(value), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}"
