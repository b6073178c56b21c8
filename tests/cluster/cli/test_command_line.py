"""The command line: what is understood, and what is said in one line when it is not."""

from __future__ import annotations

import re
import shlex
import socket
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any, get_args, get_origin

import pytest
from ray.exceptions import RayError

from cluster import cli
from cluster.cli.arguments.runs import Evaluate
from cluster.cli.arguments.tools import Submit
from cluster.cli.arguments.training import Retrace, Train
from cluster.cli.catalogue import COMMANDS, Command
from cluster.cli.parse import options_of
from cluster.painter.experiments import EXPERIMENTS, experiment_settings
from cluster.painter.settings import PresetName, preset
from cluster.runs import checkpoints
from cluster.runs.folder import RunFolder
from cluster.runs.location import RunPlace
from cluster.runs.stored import last_checkpoint
from cluster.training import launch
from tests.helpers.command_line import read
from tests.helpers.tiny_run import REPOSITORY, options


def refused(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """The one line that a user reads; fails unless there is exactly one, and status 2."""
    assert cli.main(arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    (line,) = captured.err.splitlines()
    assert line.startswith("impasto: ")
    return line.removeprefix("impasto: ")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (
            "trane mnist",
            "unknown command 'trane'; valid are train, tune, resume, retrace, paint, agents, pack, sample, evaluate",
        ),
        ("train --preset huge", "train: --preset: invalid choice: 'huge' (choose from 'laptop', 'paper'"),
        ("train --preset=huge", "train: --preset: invalid choice: 'huge' (choose from 'laptop', 'paper'"),
        ("train --minuts 3", "train: unknown option --minuts; did you mean --minutes or "),
        ("train --entropy-cots=3", "train: unknown option --entropy-cots; did you mean --entropy-cost"),
        ("train --entropy_cots 3", "train: unknown option --entropy-cots; did you mean --entropy-cost"),
        ("resume RUN --xyzzy 3", "resume: unknown option --xyzzy; valid are --minutes, --steps, "),
        ("train --actors two", "train: --actors: invalid int value: 'two'"),
        ("train --policy-learning-rate -1e-3", "train: --policy-learning-rate: expected at least 0, got -0.001"),
        ("train --actors 0", "train: --actors: expected at least 1, got 0"),
        ("train --minutes=-1", "train: --minutes: expected "),
        ("train --observation-size 30", "train: --observation-size: expected a divisor of canvas_size 64, got 30"),
        (
            "train --adversary gan",
            "train: --adversary: invalid choice: 'gan' (choose from 'wgan",
        ),
        ("train --actors", "train: --actors: expected one argument"),
        ("train mnist cifar", "train: unexpected argument cifar"),
        ("train no/such/folder", "no/such/folder"),
        ("resume", "resume: the following arguments are required: RUN"),
        ("sample RUN --count many", "sample: --count: invalid int value: 'many'"),
        ("evaluate RUN --jsn", "evaluate: unknown option --jsn; did you mean --json"),
        ("sample RUN --seed -1", "sample: --seed: expected at least 0, got -1"),
        ("dashboard --port 99999", "dashboard: --port: expected 0 to 65535, got 99999"),
        ("search RUN --k 3", "search: --k: expected 1 or even numbers"),
        ("mcmc --evaluations ten", "mcmc: --evaluations: expected numbers with commas between them"),
        ("translate --run RUN", "translate: IMAGES: expected at least one file, got none"),
        ("lineage RUN --svg FILE", "lineage: --svg: it draws a comparison; give --against the other population"),
        ("submit", "submit: no command; for example: impasto submit -- train mnist"),
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
    launch.create(tmp_path / "run", settings).close()
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


def test_a_brush_that_paints_nothing_is_refused_before_training(
    images: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own = tmp_path / "own.myb"
    own.write_text('{"version": 3, "settings": {"opaque": {"base_value": 0}}}')
    for command in ("train", "tune"):
        for brush in ("classic/smudge", str(own)):
            said = refused([command, str(images), "--brush", brush, "--run", str(tmp_path / "run"), *options()], capsys)
            assert f"{brush} paints nothing on white" in said
            assert "apt" not in said
    assert not (tmp_path / "run").exists()


def test_a_port_in_use_names_the_way_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        said = refused(["dashboard", str(tmp_path), "--port", str(port)], capsys)
    assert said == f"dashboard: port {port} of 127.0.0.1 is in use: --port 0 takes a free one"


def test_help_of_train_names_latent(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.main(["train", "--help"])
    assert "impasto train latent" in " ".join(capsys.readouterr().out.split())


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


@pytest.mark.parametrize("command", list(COMMANDS))
def test_every_command_has_help(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        cli.main([*command.split(), "--help"])
    assert caught.value.code == 0
    text = capsys.readouterr().out
    assert text.startswith(f"usage: impasto {command} [OPTIONS]")
    for option in options_of(COMMANDS[command].load_arguments()):
        assert option.help, option
        assert option.flag in text


#: Settings with which nothing is tuned.
NO_USUAL_RANGE = {"seed", "judge_seed", "parts_seed", "minutes", "steps"}


@pytest.mark.parametrize("command", ["train", "train latent", "tune"])
def test_help_of_a_number_tells_a_usual_range(command: str) -> None:
    for option in options_of(COMMANDS[command].load_arguments()):
        if option.kind in (int, float) or get_origin(option.kind) is tuple:
            assert "usual: " in option.help or option.name in NO_USUAL_RANGE, option


def test_help_shows_the_defaults_of_the_preset(capsys: pytest.CaptureFixture[str]) -> None:
    shown = []
    for words in (["--help"], ["--preset", "paper", "-h"], ["omniglot", "--help"]):
        with pytest.raises(SystemExit):
            cli.main(["train", *words])
        text = " ".join(capsys.readouterr().out.split())
        shown += re.findall(r"--episode-length INT .*?\(default: (\d+);", text)
    lengths = [preset("laptop"), preset("paper"), experiment_settings("omniglot", "laptop")]
    assert shown == [str(settings.paint.episode_length) for settings in lengths]


def test_help_names_every_experiment_and_preset() -> None:
    text = f"{Train.__doc__}"
    assert all(re.search(rf"\b{name}\b", text) for name in (*EXPERIMENTS, *get_args(PresetName)))


def test_the_overview_lists_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--help"]) == 0
    text = capsys.readouterr().out
    assert cli.main([]) == 2
    assert capsys.readouterr().out == text
    for name, command in COMMANDS.items():
        assert (f"  {name:<14}{command.about}" in text) == bool(command.group)
    assert all(len(line) <= 100 for line in text.splitlines())
    examples = [line.split("  ")[1].split() for line in text.splitlines() if line.startswith("  impasto ")]
    assert len(examples) == 3
    for words in examples:
        assert words[1] in COMMANDS


def commands_in_documents() -> list[str]:
    """Lines of the documents' shell examples that call `impasto`."""
    pages = [REPOSITORY / "README.md", REPOSITORY / "deploy" / "README.md", *(REPOSITORY / "docs").glob("*.md")]
    blocks = [block for page in pages for block in re.findall(r"```sh\n(.*?)```", page.read_text(), re.DOTALL)]
    lines = [line for block in blocks for line in block.replace("\\\n", " ").splitlines()]
    return sorted({line for line in lines if line.startswith("impasto ")})


@pytest.mark.parametrize("line", commands_in_documents())
def test_commands_in_the_documents_are_understood(line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    words = shlex.split(line, comments=True)[1:]
    if {"--help", "--warm-start"} & set(words):
        pytest.skip("prints, or reads a run that is not there")
    chosen = read(words, monkeypatch)
    if words[0] == "submit":
        read(chosen.command, monkeypatch)


def test_replay_is_still_understood(monkeypatch: pytest.MonkeyPatch) -> None:
    assert read(["replay", "DIR"], monkeypatch) == read(["retrace", "DIR"], monkeypatch) == Retrace("DIR")


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


def test_best_takes_the_checkpoint_of_the_highest_score(tmp_path: Path) -> None:
    folder = RunFolder.create(tmp_path / "run", {})
    for update, score in ((1, -3.0), (2, -1.0), (3, -2.0), (4, None)):
        checkpoints.save(folder.checkpoints, checkpoints.Checkpoint(update, score=score), keep_last=4)
    newest, best = last_checkpoint(folder), last_checkpoint(folder, best=True)
    folder.close()
    assert newest is not None
    assert best is not None
    assert (newest.update, best.update) == (4, 2)
