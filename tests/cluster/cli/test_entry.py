"""The command as a process: how fast it answers, and what it says of its ends."""

from __future__ import annotations

import subprocess
import sys
import warnings
from typing import Any

import pytest
from ray.exceptions import RayError

from cluster import cli
from cluster.cli.catalogue import Command
from tests.helpers.command_line import refused
from tests.helpers.tiny_run import REPOSITORY


@pytest.mark.parametrize("words", [["--help"], ["train", "--minuts", "3"], ["sample", "--help"], ["tune", "--help"]])
def test_help_and_mistakes_do_not_wait_for_torch_and_ray(words: list[str]) -> None:
    code = f"import sys\nfrom cluster import cli\ntry: cli.main({words})\nexcept SystemExit: pass\n"
    code += "print([name for name in ('torch', 'ray', 'scipy', 'matplotlib') if name in sys.modules])"
    ended = subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert ended.stdout.splitlines()[-1] == "[]"


def test_a_sample_does_not_wait_for_what_only_training_needs() -> None:
    """RLlib, Tune and what they bring take longer to import than a painting takes to paint."""
    code = "import sys, cluster.cli.sample; print([name for name in ('ray', 'pandas', 'scipy') if name in sys.modules])"
    ran = subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    assert ran.stdout == "[]\n"


def test_ctrl_c_is_no_traceback(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def interrupted(*arguments: Any) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(Command, "load_function", lambda self: interrupted)
    assert cli.main(["train"]) == 130
    assert capsys.readouterr().err == "impasto: interrupted\n"


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (MemoryError("Unable to allocate 298. GiB"), "not enough memory: Unable to allocate 298. GiB"),
        (RayError("no runtime\nenvironment"), "Ray: no runtime environment"),
        (PermissionError(13, "Permission denied", "runs"), "[Errno 13] Permission denied: 'runs'"),
    ],
)
def test_what_the_machine_refuses_is_one_line(
    error: Exception, line: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(chosen: Any) -> int:
        raise error

    monkeypatch.setattr(Command, "load_function", lambda self: refuse)
    assert refused(["train"], capsys) == line
    monkeypatch.setenv("IMPASTO_DEBUG", "1")
    with pytest.raises(type(error)):
        cli.main(["train"])


def test_a_fault_of_the_program_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Command, "load_function", lambda self: {}["no such thing"])
    with pytest.raises(KeyError):
        cli.main(["train"])


def test_a_warning_is_one_line_without_the_place_in_the_code(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def warn(chosen: Any) -> int:
        warnings.warn("two images can\nnot be read", stacklevel=1)
        return 0

    monkeypatch.setattr(warnings, "showwarning", warnings.showwarning)
    monkeypatch.setattr(Command, "load_function", lambda self: warn)
    assert cli.main(["train"]) == 0
    assert capsys.readouterr().err == "impasto: warning: two images can not be read\n"


def test_the_module_is_the_command() -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "cluster", "doodle"], cwd=REPOSITORY, capture_output=True, text=True, timeout=120
    )
    assert ended.returncode == 2
    assert ended.stdout == ""
    assert ended.stderr.startswith("impasto: unknown command 'doodle'; valid are train, tune, resume, ")
