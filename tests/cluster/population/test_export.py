"""The winner of a population as a run of its own."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from cluster import cli
from cluster.dashboard.readers.site import Site
from cluster.metrics.log import read_metrics
from cluster.painter.settings import PainterSettings, preset
from cluster.population.folder import PopulationFolder
from cluster.runs import checkpoints
from cluster.runs.checkpoints import Checkpoint
from cluster.runs.folder import RunFolder
from cluster.runs.stored import last_checkpoint
from cluster.runs.stored_settings import read_settings_as
from tests.cluster.population.records import SETTINGS, born, opened, report

VALUES = {"policy_learning_rate": 2e-4, "entropy_cost": 0.03}


@pytest.fixture
def people(tmp_path: Path) -> Path:
    """A population of three whose member 1 has won; its checkpoint is there."""
    path = tmp_path / "people"
    path.mkdir()
    config = {"population": SETTINGS.to_json(), "settings": preset("laptop").replace(steps=400, seed=7).storable()}
    (path / "config.json").write_text(json.dumps(config))
    place = PopulationFolder(path)
    documents = {
        "population": {"branch": 1, "previous_branch": 1, "compared": 1, "values": VALUES},
        "counters": {"trained_steps": 101, "trained_seconds": 12.5},
    }
    arrays = {"paintings": {"records": np.zeros(3)}, "replay": {"canvases": np.arange(4)}}
    won = Checkpoint(50, {"policy": {"weight": torch.arange(3.0)}}, arrays, documents, -1.0)
    saved = checkpoints.save(place.exchange(1), won)
    sheet = place.member(1) / "samples" / "00000050-branch-001.png"
    sheet.parent.mkdir()
    Image.new("L", (8, 8), 99).save(sheet)
    with opened(place.lineage) as ledger:
        born(ledger)
        for member, score in enumerate((-2.0, -1.0, -3.0)):
            where = {"checkpoint": place.relative(saved), "sample": place.relative(sheet)} if member == 1 else {}
            ledger.score(member, report(ledger, member, 1, score, **where))
    return path


def test_the_winner_becomes_a_run(people: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = tmp_path / "winner"
    assert cli.main(["lineage", str(people), "--export", str(run), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["exported"] == str(run)
    with RunFolder.open(run) as folder:
        settings = read_settings_as(PainterSettings, folder, "sample")
        checkpoint = last_checkpoint(folder)
    assert (settings.policy.policy_learning_rate, settings.policy.entropy_cost) == (2e-4, 0.03)
    assert (settings.system.seed, settings.system.steps, settings.system.minutes) == (8, 400, 0.0)
    assert checkpoint is not None
    assert checkpoint.tensors["policy"]["weight"].tolist() == [0, 1, 2]
    assert checkpoint.score == -1.0  # as a run scores it, by the pixel distance
    assert set(checkpoint.arrays) == {"replay"}
    assert checkpoint.documents == {"counters": {"trained_steps": 101, "trained_seconds": 12.5}}
    (row,) = read_metrics(run / "metrics.jsonl")
    assert (row["update"], row["env_steps"], row["sample/pixel_frechet"]) == (50, 101, 1.0)
    (shown,) = Site(tmp_path).single_runs()  # on the dashboard it is a run like others, with its best sheet
    assert shown.best_sheet(shown.sheets()) is not None
    assert json.loads((run / "lineage.json").read_text())["best"]["member"] == 1


def test_an_export_refuses_to_overwrite_and_names_a_missing_checkpoint(
    people: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = str(tmp_path / "winner")
    assert cli.main(["lineage", str(people), "--export", run]) == 0
    assert f"exported as a run: {run}" in capsys.readouterr().out
    assert cli.main(["lineage", str(people), "--export", run]) == 2
    assert "holds another run" in capsys.readouterr().err
    next((people / "members" / "01" / "exchange").iterdir()).rename(tmp_path / "gone")
    assert cli.main(["lineage", str(people), "--export", str(tmp_path / "other")]) == 2
    assert "can not be exported" in capsys.readouterr().err
    assert not (tmp_path / "other").exists()
