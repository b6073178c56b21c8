"""The command line: words that are understood, and the arguments that they become."""

from __future__ import annotations

import dataclasses
import re
import shlex
from pathlib import Path
from typing import Any

import pytest

from cluster import cli
from cluster.cli.arguments.runs import Evaluate
from cluster.cli.arguments.tools import Submit
from cluster.cli.arguments.training import Retrace, Train
from cluster.painter.settings import preset
from cluster.runs.agents import find_agent
from cluster.runs.location import RunPlace
from cluster.training import launch
from tests.helpers.command_line import read
from tests.helpers.tiny_run import REPOSITORY


def test_presets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("photos.zip").touch()
    for words, expected in (
        ("train", Train(settings=preset("laptop"))),
        (
            "train mnist --preset paper --run here",
            Train("mnist", "paper", run="here", settings=preset("paper")),
        ),
        (
            "train --preset=paper --address ray://head:1 photos.zip",
            Train("photos.zip", "paper", address="ray://head:1", settings=preset("paper", "photos.zip")),
        ),
    ):
        assert read(words.split(), monkeypatch) == expected
    assert read(["train", "--data", "photos.zip"], monkeypatch).settings.system.data == "photos.zip"


def test_any_setting_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    given = "--minutes 3 --entropy_cost=0.5 --spectral-norm False --brush-sizes 1 2 3 --policy-betas 0.1 0.2 --seed 7"
    assert read(["train", *given.split()], monkeypatch).settings == preset("laptop").replace(
        minutes=3.0, entropy_cost=0.5, spectral_norm=False, brush_sizes=(1.0, 2.0, 3.0), policy_betas=(0.1, 0.2), seed=7
    )


def test_a_setting_given_twice_has_the_last_value(monkeypatch: pytest.MonkeyPatch) -> None:
    assert read(["train", "--minutes", "15", "--minutes", "3"], monkeypatch).settings.system.minutes == 3


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("RUN", False),
        ("RUN --json", True),
        ("--json RUN", True),
        ("--json True RUN", True),
        ("RUN --json=True", True),
        ("RUN --json --json False", False),
        ("RUN --no-json", False),
        ("--json False RUN", False),
    ],
)
def test_flags_with_and_without_the_old_values(words: str, expected: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    assert read(["evaluate", *words.split()], monkeypatch) == Evaluate("RUN", json=expected)


def test_words_after_two_dashes_are_the_jobs(monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = read(["submit", "--detach", "--", "train", "mnist", "--entropy_cost", "1", "--help"], monkeypatch)
    assert chosen == Submit(("train", "mnist", "--entropy_cost", "1", "--help"), detach=True)


def test_resume_changes_only_what_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[Any] = []
    monkeypatch.setattr(launch, "resume", lambda place, address, changes, make: calls.append((place, changes)) or 0)
    assert cli.main(["resume", "RUN"]) == 0
    assert cli.main(["resume", "RUN", "--minutes", "30"]) == 0
    assert calls == [(RunPlace(Path("RUN")), {}), (RunPlace(Path("RUN")), {"minutes": 30.0})]


def commands_in_documents() -> list[str]:
    """Lines of the documents' shell examples that call `impasto`."""
    pages = [REPOSITORY / "README.md", REPOSITORY / "deploy" / "README.md", *(REPOSITORY / "docs").glob("*.md")]
    blocks = [block for page in pages for block in re.findall(r"```sh\n(.*?)```", page.read_text(), re.DOTALL)]
    lines = [line for block in blocks for line in block.replace("\\\n", " ").splitlines()]
    return sorted({line for line in lines if line.startswith("impasto ")})


def test_the_documents_hold_commands() -> None:
    assert len(commands_in_documents()) > 20


@pytest.mark.parametrize("line", commands_in_documents())
def test_commands_in_the_documents_are_understood(line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    words = shlex.split(line, comments=True)[1:]
    other = words[words.index("--warm-start") + 1] if "--warm-start" in words else ""
    if "--help" in words or (other and not find_agent(other)):
        pytest.skip("prints, or reads a run that is not there")
    chosen = read(words, monkeypatch)
    assert dataclasses.is_dataclass(chosen)
    if words[0] == "submit":
        read(chosen.command, monkeypatch)


def test_replay_is_still_understood(monkeypatch: pytest.MonkeyPatch) -> None:
    assert read(["replay", "DIR"], monkeypatch) == read(["retrace", "DIR"], monkeypatch) == Retrace("DIR")
