"""Whether commands named in files exist, with the options that they are given; nothing is run."""

from __future__ import annotations

import warnings
from typing import Any

import pytest

from cluster import cli
from cluster.cli import commands
from cluster.cli import job_submission as jobs
from cluster.training import scale


def check_impasto(words: list[str], monkeypatch: pytest.MonkeyPatch) -> Any:
    """Read an ``impasto`` command as the command line does; returns what it would be called with: settings for
    ``train``, the job's words for ``submit``."""
    called: list[tuple[Any, ...]] = []

    def record(*values: Any, **options: Any) -> int:
        called.append(values)
        return 0

    for module, names in (
        (commands, ("train", "resume", "sample", "evaluate")),
        (jobs, ("submit",)),
        (scale, ("scale",)),
    ):
        for name in names:
            monkeypatch.setattr(module, name, record)
    assert cli.main(words) == 0, words
    ((first, *_),) = called
    if words[0] == "submit":
        check_impasto(list(first), monkeypatch)
    return first


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
