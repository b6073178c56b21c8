"""A mistake of the command line is said in one line, and leaves nothing behind."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from cluster.painter.settings import preset
from cluster.runs.folder import RunFolder
from cluster.training import launch
from tests.helpers.command_line import refused
from tests.helpers.tiny_run import options


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
