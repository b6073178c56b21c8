"""Commands read as the command line reads them, with nothing run, and those that it refuses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from cluster import cli
from cluster.cli.catalogue import Command


def read(words: Sequence[str], monkeypatch: pytest.MonkeyPatch) -> Any:
    """The arguments that a command would be called with, as its dataclass."""
    called: list[Any] = []

    def record(chosen: Any) -> int:
        called.append(chosen)
        return 0

    with monkeypatch.context() as patch:
        patch.setattr(Command, "load_function", lambda self: record)
        assert cli.main(words) == 0, words
    (chosen,) = called
    return chosen


def refused(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """The one line that a user reads; fails unless there is exactly one, and status 2."""
    assert cli.main(arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    (line,) = captured.err.splitlines()
    assert line.startswith("impasto: ")
    return line.removeprefix("impasto: ")
