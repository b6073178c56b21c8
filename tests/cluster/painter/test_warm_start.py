"""A painter that begins with the networks of another run."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from cluster import cli
from cluster.cli.arguments.training import Train
from cluster.cli.parse import parse
from cluster.errors import UserError
from cluster.painter.trainer import PainterTrainer
from cluster.runs import checkpoints
from cluster.runs.folder import RunFolder
from cluster.training.origin import keep_origin
from tests.cluster.painter.test_agents import make_run
from tests.helpers.tiny_run import REPOSITORY, make_images, tiny_settings


def test_settings_are_the_other_runs_on_other_data(tmp_path: Path) -> None:
    images = make_images(tmp_path / "images")
    run = make_run(tmp_path / "run", images, canvases=8, minutes=3.0, seed=5)
    others = make_images(tmp_path / "others")
    settings = parse(Train, [str(others), "--warm-start", str(run), "--entropy-cost", "0.5"], "train").settings
    stored = parse(Train, [str(images), "--warm-start", str(run)], "train").settings
    assert settings.policy.entropy_cost == 0.5
    assert settings.replace(entropy_cost=stored.policy.entropy_cost, data=str(images)) == stored
    assert (stored.system.canvases, stored.system.minutes, stored.system.seed) == (8, 15.0, 0)
    with pytest.raises(UserError, match=r"^preset: .*--warm-start"):
        parse(Train, [str(others), "--warm-start", str(run), "--preset", "laptop"], "train")


def test_a_run_that_ended_before_its_first_checkpoint_still_begins_with_them(tmp_path: Path) -> None:
    images = make_images(tmp_path / "images")
    other = make_run(tmp_path / "other", images)
    settings = tiny_settings(images)
    with RunFolder.create(tmp_path / "run", settings.storable()) as folder:
        assert PainterTrainer.of_run(folder, settings, 0).warm_start is None
        keep_origin(folder, str(other), 5)
        begun = PainterTrainer.of_run(folder, settings, 0).warm_start
        assert begun is not None
        assert begun.update == 5
        shutil.rmtree(other)
        with pytest.raises(UserError, match="remove the folder, and begin again"):
            PainterTrainer.of_run(folder, settings, 0)


def test_a_run_begins_with_the_other_runs_networks(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    images = make_images(tmp_path / "images")
    other, run = make_run(tmp_path / "other", images), tmp_path / "run"
    command = ["train", str(images), "--warm-start", str(other), "--run", str(run), "--minutes", "0.02"]
    assert cli.main([*command, "--brush-sizes", "1", "2", "3", "4", "5"]) == 2
    assert "warm start" in capsys.readouterr().err
    assert not run.exists(), "a start that failed leaves nothing"

    # In a process of its own: at its end a run shuts down Ray, which later tests of this one use.
    subprocess.run([sys.executable, "-m", "cluster", *command], cwd=REPOSITORY, check=True, timeout=500)
    theirs = checkpoints.load(checkpoints.latest_good(other / "checkpoints")[0] or other)
    first = checkpoints.load(min((run / "checkpoints").glob("0*-update-*")))
    assert first.update == 0
    for network in ("policy", "discriminator"):
        for name, value in theirs.tensors[network].items():
            assert torch.equal(first.tensors[network][name], value), name
    assert json.loads((run / "warm_start.json").read_text()) == {"run": str(other), "update": theirs.update}
