"""Whether commands named in files exist, with the options that they are given; nothing is run."""

from __future__ import annotations

import warnings
from typing import Any

import pytest

from tests.helpers.command_line import read


def check_impasto(words: list[str], monkeypatch: pytest.MonkeyPatch) -> Any:
    """Read an ``impasto`` command as the command line does, and of ``submit`` the job's too; returns its arguments."""
    chosen = read(words, monkeypatch)
    if words[0] == "submit":
        check_impasto(list(chosen.command), monkeypatch)
    return chosen


def check_ray(words: list[str]) -> None:
    """Read a ``ray`` command with Ray's own command line."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it imports Ray Serve, whose models use what pydantic calls deprecated
        from ray.scripts import scripts
    command: Any = scripts.cli
    name = "ray"
    rest = list(words)
    while hasattr(command, "commands"):
        name = rest.pop(0)
        command = command.commands[name]
    with command.make_context(name, rest) as context:
        assert context.params
