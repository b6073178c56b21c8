"""The view of a run: a table in a terminal, lines elsewhere, a dash for what is not known."""

import math
from io import StringIO

import numpy as np
import pytest
from rich.console import Console

from cluster.metrics.terminal import LineView, TableView, make_view, plain_line

METRICS = {
    "progress": 0.25,
    "elapsed_s": 3725.9,
    "env_steps": 1234567,
    "env_steps_per_s": 4512.4,
    "updates": np.int64(1929),
    "time/render": 0.30,
    "time/inference": np.float32(0.2),
    "time/transfer": 0.05,
    "time/learn": 0.40,
    "time/wait": 0.05,
    "lag/mean": 1.25,
    "lag/max": 4,
    "replay/fill": 1.0,
    "discriminator/real": 0.8123,
    "discriminator/fake": -0.3456,
    "policy/return": -12.5,
    "policy/entropy": 5.4321,
    "runners/restarts": 2,
    "checkpoint/last": "runs/a/checkpoints/000003-update-1900",
    "sample/last": "runs/a/samples/[bold]1900.png",
}
SHOWN = ("25%", "1:02:05", "1,234,567", "4,512", "1,929", "1.2", "4", "100%", "0.812", "-0.346", "-12.500", "5.43")


class Terminal(StringIO):
    def isatty(self) -> bool:
        return True


def screen(metrics: dict[str, object], width: int = 100) -> str:
    """What the table shows, without colors."""
    stream = StringIO()
    view = TableView(Console(file=stream, force_terminal=True, width=width, color_system=None), "runs/a")
    view.update(metrics)
    view.close()
    return stream.getvalue()


def test_the_table_shows_every_figure() -> None:
    text = screen(METRICS)
    for shown in (*SHOWN, "runs/a", "checkpoints/000003-update-1900", "samples/[bold]1900.png"):
        assert shown in text
    for name, share in (("render", 30), ("inference", 20), ("transfer", 5), ("learn", 40), ("wait", 5)):
        assert f"{name} {share}%" in text
    assert "█" * 40 in text


def test_the_bar_of_shares_is_as_long_as_what_is_accounted_for() -> None:
    text = screen({"time/render": 0.25, "time/learn": 0.25})
    assert "█" * 20 + "░" * 20 in text
    overfull = screen({"time/render": 0.9, "time/learn": 0.9, "time/wait": -1.0})
    assert "█" * 40 in overfull
    assert "█" * 41 not in overfull


def test_in_color_each_share_has_its_own() -> None:
    stream = StringIO()
    view = TableView(Console(file=stream, force_terminal=True, width=100, color_system="standard"))
    view.update(METRICS)
    view.close()
    for code, cells in ((32, 12), (36, 8), (33, 2), (35, 16)):
        assert f"\x1b[{code}m{'█' * cells}\x1b[0m" in stream.getvalue()


@pytest.mark.parametrize("metrics", [{}, dict.fromkeys(METRICS), {key: math.nan for key in METRICS}])
def test_what_is_not_known_is_a_dash(metrics: dict[str, object]) -> None:
    text = screen(metrics)
    assert "render -" in text
    assert "nan" not in text
    assert "None" not in text
    stream = StringIO()
    LineView(stream, 0.0).update(metrics)
    line = stream.getvalue()
    assert line.startswith("- - | environment steps -, steps/s - | mean lag -, largest lag - | updates -")
    assert "nan" not in line


def test_the_terminal_is_given_back() -> None:
    stream = StringIO()
    view = TableView(Console(file=stream, force_terminal=True, width=100))
    assert "\x1b[?25l" in stream.getvalue()  # cursor hidden
    assert "\x1b[?25h" not in stream.getvalue()
    view.update(METRICS)
    view.close()
    assert "\x1b[?25h" in stream.getvalue()
    length = len(stream.getvalue())
    view.close()
    assert len(stream.getvalue()) == length


def test_a_narrow_terminal_does_not_break_it() -> None:
    assert "25%" in screen(METRICS, width=60)
    assert screen(METRICS, width=10)


def test_lines_come_once_per_interval_and_the_last_is_not_lost() -> None:
    stream = StringIO()
    now = 0.0
    view = LineView(stream, 10.0, clock=lambda: now)
    for second in range(26):
        now = float(second)
        view.update(METRICS | {"updates": second})
    assert [line.split("updates ")[1].split(",")[0] for line in stream.getvalue().splitlines()] == ["0", "10", "20"]
    view.close()
    view.close()
    lines = stream.getvalue().splitlines()
    assert [line.split("updates ")[1].split(",")[0] for line in lines] == ["0", "10", "20", "25"]
    assert "\x1b" not in stream.getvalue()


def test_a_line_shows_every_figure() -> None:
    line = plain_line(METRICS)
    for shown in (*SHOWN, "render 30%", "inference 20%", "transfer 5%", "learn 40%", "wait 5%", "restarted 2"):
        assert shown in line
    assert "\n" not in line


def test_the_stream_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("FORCE_COLOR", "TTY_COMPATIBLE", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    assert isinstance(make_view(StringIO()), LineView)
    view = make_view(Terminal(), title="runs/a")
    assert isinstance(view, TableView)
    view.close()
    monkeypatch.setenv("TERM", "dumb")
    assert isinstance(make_view(Terminal()), LineView)
