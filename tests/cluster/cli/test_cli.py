"""The command line: what is understood, and what is said in one line when it is not."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from cluster import cli
from cluster.cli import commands
from cluster.cli.parse import option_names
from cluster.painter.settings import RunSettings, preset
from cluster.runs import checkpoints
from cluster.runs.folder import RunFolder
from cluster.runs.stored import last_checkpoint
from tests.cluster.tiny_run import REPOSITORY, options


def refused(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """The one line that a user reads; fails unless there is exactly one, and status 2."""
    assert cli.main(arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    (line,) = captured.err.splitlines()
    assert line.startswith("impasto: ")
    return line.removeprefix("impasto: ")


@pytest.fixture
def chosen(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What ``impasto train`` would train with."""
    calls: list[Any] = []

    def train(settings: RunSettings, run: str, address: str) -> int:
        calls[:] = [settings, run, address]
        return 0

    monkeypatch.setattr(commands, "train", train)
    return calls


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ("trane mnist", "unknown command 'trane'; valid are train, resume, sample, evaluate, translate, bench"),
        ("train --preset huge", "--preset: unknown value 'huge'; valid are laptop, paper"),
        ("train --preset=huge", "--preset: unknown value 'huge'; valid are laptop, paper"),
        ("train --minuts 3", "train: unknown option --minuts; did you mean --minutes or "),
        ("train --entropy-cots=3", "train: unknown option --entropy-cots; did you mean --entropy-cost"),
        ("train --entropy_cots 3", "train: unknown option --entropy-cots; did you mean --entropy-cost"),
        ("resume RUN --xyzzy 3", "resume: unknown option --xyzzy; valid are --minutes, --steps, "),
        ("train --actors two", "train: --actors: invalid literal for int() with base 10: 'two'"),
        ("train --actors 0", "train: actors: expected at least 1, got 0"),
        ("train --minutes=-1", "train: minutes: expected 0 or more, got -1.0"),
        ("train --observation-size 30", "train: observation_size: expected a divisor of canvas_size 64, got 30"),
        (
            "train --adversary gan",
            "train: invalid choice 'gan' for argument '--adversary'. Expected one of ('wgan",
        ),
        ("train --actors", "train: Missing value for argument '--actors'"),
        ("train mnist cifar", "train: Unrecognized options: cifar"),
        ("train no/such/folder", "no/such/folder"),
        ("resume", "folder of the run or population, or"),
        ("sample RUN --count many", "sample: --count: invalid literal"),
        ("evaluate RUN --jsn", "evaluate: unknown option --jsn; did you mean --json"),
        ("bench speed", "bench: unknown 'speed'; valid are canvas, actor, "),
    ],
)
def test_a_mistake_is_one_line(arguments: str, says: str, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert says in refused(arguments.split(), capsys)


@pytest.mark.parametrize("command", ["resume", "sample", "evaluate"])
def test_a_folder_without_a_run_is_one_line(command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    missing = tmp_path / "missing"
    assert refused([command, str(missing)], capsys) == f"{missing} holds no run: it has no config.json"
    assert not missing.exists()


@pytest.mark.parametrize("command", ["resume", "sample", "evaluate"])
@pytest.mark.parametrize("config", ["", "[1]", "{", '{"system": 3}', '{"system": {"no_such": 1}}'])
def test_a_damaged_config_is_one_line(
    command: str, config: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    RunFolder.create(tmp_path / "run", {}).close()
    (tmp_path / "run" / "config.json").write_text(config)
    line = refused([command, str(tmp_path / "run")], capsys)
    assert str(tmp_path / "run") in line


@pytest.mark.parametrize("command", ["sample", "evaluate"])
def test_a_run_without_a_checkpoint_is_one_line(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    RunFolder.create(tmp_path / "run", preset("laptop").to_json()).close()
    assert refused([command, str(tmp_path / "run")], capsys) == f"{tmp_path / 'run'}: no intact checkpoint"


def test_a_password_is_asked_for_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings = preset("laptop").replace(redis="redis://:secret@127.0.0.1:1/0")
    commands.create(tmp_path / "run", settings).close()
    assert "secret" not in (tmp_path / "run" / "config.json").read_text()
    assert "give --redis its URL" in refused(["resume", str(tmp_path / "run")], capsys)


def test_a_run_that_trains_is_not_resumed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with RunFolder.create(tmp_path / "run", preset("laptop").to_json()):
        assert "is being written by another driver" in refused(["resume", str(tmp_path / "run")], capsys)


@pytest.mark.parametrize("wrong", ["no-such.zip", "--brush"])
def test_a_mistake_leaves_no_folder(
    wrong: str, images: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = [str(images), "--brush", "no-such-brush"] if wrong == "--brush" else [wrong]
    refused(["train", *arguments, "--run", str(tmp_path / "run"), *options()], capsys)
    assert not (tmp_path / "run").exists()


def test_presets(chosen: list[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("photos.zip").touch()
    assert cli.main(["train"]) == 0
    assert chosen == [preset("laptop"), "", ""]
    assert cli.main(["train", "mnist", "--preset", "paper", "--run", "here"]) == 0
    assert chosen == [preset("paper"), "here", ""]
    assert cli.main(["train", "photos.zip", "--preset=paper", "--address", "ray://head:1"]) == 0
    assert chosen == [preset("paper", "photos.zip"), "", "ray://head:1"]
    assert cli.main(["train", "--data", "photos.zip"]) == 0
    assert chosen[0].system.data == "photos.zip"


def test_any_setting_by_its_name(chosen: list[Any]) -> None:
    given = "--minutes 3 --entropy_cost=0.5 --spectral-norm False --brush-sizes 1 2 3 --policy-betas 0.1 0.2 --seed 7"
    assert cli.main(["train", *given.split()]) == 0
    assert chosen[0] == preset("laptop").replace(
        minutes=3.0, entropy_cost=0.5, spectral_norm=False, brush_sizes=(1.0, 2.0, 3.0), policy_betas=(0.1, 0.2), seed=7
    )


def test_resume_changes_only_what_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[Any] = []
    monkeypatch.setattr(commands, "resume", lambda *arguments, **changes: calls.append((arguments, changes)) or 0)
    assert cli.main(["resume", "RUN"]) == 0
    assert cli.main(["resume", "RUN", "--minutes", "30"]) == 0
    assert calls == [(("RUN", ""), {}), (("RUN", ""), {"minutes": 30.0})]


@pytest.mark.parametrize("command", list(cli.COMMANDS))
def test_every_command_has_help(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        cli.main([*command.split(), "--help"])
    assert caught.value.code == 0
    text = capsys.readouterr().out
    assert f"impasto {command}" in text
    if command == "train":
        for name in option_names(RunSettings):
            assert name in text


def test_without_a_command_the_commands_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--help"]) == 0
    assert "{train,resume,sample,evaluate," in capsys.readouterr().out
    assert cli.main([]) == 2


def test_ctrl_c_is_no_traceback(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def interrupted(*arguments: Any) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(commands, "train", interrupted)
    assert cli.main(["train"]) == 130
    assert capsys.readouterr().err == "impasto: interrupted\n"


def test_the_module_is_the_command() -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "cluster", "paint"], cwd=REPOSITORY, capture_output=True, text=True, timeout=120
    )
    assert ended.returncode == 2
    assert ended.stdout == ""
    assert ended.stderr.startswith("impasto: unknown command 'paint'; valid are train, resume, sample, evaluate, ")


def test_best_takes_the_checkpoint_of_the_highest_score(tmp_path: Path) -> None:
    folder = RunFolder.create(tmp_path / "run", {})
    for update, score in ((1, -3.0), (2, -1.0), (3, -2.0), (4, None)):
        checkpoints.save(folder.checkpoints, checkpoints.Checkpoint(update, score=score), keep_last=4)
    newest, best = last_checkpoint(folder), last_checkpoint(folder, best=True)
    folder.close()
    assert newest is not None
    assert best is not None
    assert (newest.update, best.update) == (4, 2)
