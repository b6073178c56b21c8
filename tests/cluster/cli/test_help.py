"""The help of every command, and the overview."""

from __future__ import annotations

import re
from typing import get_args, get_origin

import pytest

from cluster import cli
from cluster.cli.arguments.training import Train
from cluster.cli.catalogue import COMMANDS
from cluster.cli.parse import options_of
from cluster.painter.experiments import EXPERIMENTS, experiment_settings
from cluster.painter.settings import PresetName, preset


def test_help_of_train_names_latent(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.main(["train", "--help"])
    assert "impasto train latent" in " ".join(capsys.readouterr().out.split())


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
