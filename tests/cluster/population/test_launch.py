"""Starts of populations and retraced runs: refusals, and the folders that they write to. Nothing is trained."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import ray

from cluster.cli.resume import scheduled_trainer
from cluster.errors import UserError
from cluster.population import folder
from cluster.population import launch as population_launch
from cluster.population.member_config import resources
from cluster.population.schedule import ScheduledTrainer, read_plan
from cluster.population.tuner import PopulationTuner
from cluster.runs.folder import RunFolder
from cluster.runs.location import RunPlace
from cluster.training import launch
from tests.cluster.population.records import SETTINGS, born, opened, scored
from tests.helpers.tiny_run import tiny_settings


def test_a_retraced_run_goes_where_a_run_goes(images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name inside a job means a folder that outlives it, and an address a copy on shared storage."""
    runs, shared = tmp_path / "runs", tmp_path / "shared"
    config = {"population": SETTINGS.to_json(), "settings": tiny_settings(images, steps=400).storable()}
    with folder.create(runs / "people", config):
        pass
    with opened(runs / "people" / "lineage.jsonl") as ledger:
        born(ledger)
        scored(ledger, 1, {0: -1.0, 1: -3.0, 2: -2.0})
        values = ledger.founder(0).values
    monkeypatch.setenv("RAY_JOB_CONFIG_JSON_ENV_VAR", "{}")
    monkeypatch.setenv("IMPASTO_RUNS", str(runs))
    went: list[Any] = []

    def go(run: RunFolder, trainer: ScheduledTrainer, checkpoint: None, address: str, lease: Any) -> int:
        trainer.close()
        went.append((run.path, read_plan(run.path), lease and lease.remote.uri))
        return 0

    monkeypatch.setattr(launch, "train_in", go)
    address = f"file://{shared}/again"
    assert population_launch.retrace("people", "named") == 0
    assert population_launch.retrace("people", address) == 0
    assert went == [(runs / "named", [(0, values)], None), (runs / "again", [(0, values)], address)]
    assert population_launch.retrace("people", "") == 0
    assert went[2][0].parent == runs
    assert went[2][0].name.startswith("people-retrace-")


def test_the_same_command_begins_a_population_or_goes_on_with_it(
    images: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    settings, run = tiny_settings(images, steps=400, minutes=5.0), tmp_path / "people"
    with pytest.raises(UserError, match="--or-resume: give --run"):
        population_launch.tune(settings, SETTINGS, "", or_resume=True)
    went: list[Any] = []

    def begin() -> int:
        (run / "checkpoints" / "000001-update-0").mkdir(parents=True)  # else a start that did nothing leaves no folder
        went.append("new")
        return 0

    monkeypatch.setattr(population_launch, "train_in", lambda *_: begin())
    monkeypatch.setattr(population_launch, "resume", lambda *given, **changes: went.append((given, changes)) or 0)
    monkeypatch.setattr(population_launch, "PopulationTuner", lambda settings, _: SimpleNamespace(settings=settings))
    assert population_launch.tune(settings, SETTINGS, str(run), or_resume=True) == 0
    other = settings.replace(steps=800, canvases=32)
    assert population_launch.tune(other, SETTINGS, str(run), or_resume=True) == 0
    assert went == ["new", ((str(run), ""), {"minutes": 5.0, "steps": 800, "redis": ""})]
    assert "goes on with its own canvases, not with those given now" in capsys.readouterr().err
    with launch.create(tmp_path / "single", settings), pytest.raises(UserError, match="holds a single run"):
        population_launch.tune(settings, SETTINGS, str(tmp_path / "single"), or_resume=True)


def test_a_member_has_no_inference_service(images: Path, tmp_path: Path) -> None:
    """It is bound to a node, and would wait for a CPU that the members' reservations leave free."""
    settings = tiny_settings(images, steps=400, inference="server")
    with pytest.raises(UserError, match="leave out --inference server"):
        population_launch.tune(settings, SETTINGS, str(tmp_path / "people"))
    assert not (tmp_path / "people").exists()
    with pytest.raises(ValueError, match="inference: expected actor in a population or a trial of Tune, got server"):
        resources(settings, SETTINGS)


def test_an_address_that_holds_a_run_is_not_taken(tmp_path: Path) -> None:
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared" / "config.json").write_text("{}")
    with pytest.raises(UserError, match=r"shared holds another run: continue it with `impasto resume file://"):
        launch.check_free(RunPlace.find(f"file://{tmp_path}/shared"), f"file://{tmp_path}/shared")


def test_a_schedule_that_can_not_be_read_is_one_line(images: Path, tmp_path: Path) -> None:
    settings = tiny_settings(images)
    with launch.create(tmp_path / "run", settings) as run:
        assert scheduled_trainer(run, settings, 0) is None
        (run.path / "schedule.json").write_text("[[0,")
        with pytest.raises(UserError, match=r"schedule\.json can not be read"):
            scheduled_trainer(run, settings, 0)


def test_a_cluster_that_was_there_before_may_grow(
    images: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    runner = object.__new__(PopulationTuner)  # it would train the judge
    runner.settings, runner.population = tiny_settings(images), SETTINGS
    monkeypatch.setattr(ray, "cluster_resources", lambda: {"CPU": 0.5})
    with pytest.raises(UserError, match=r"this Ray cluster has 0\.5"):
        runner.check_room(joined=False)
    runner.check_room(joined=True)
    assert capsys.readouterr().out.startswith("warning: a member takes ")
    monkeypatch.setattr(ray, "cluster_resources", lambda: {"CPU": 1000.0})
    runner.check_room(joined=False)
    assert not capsys.readouterr().out


@pytest.mark.parametrize(("gpus", "said"), [(3.0, ""), (2.0, "warning: room for 1 of 2 members: 1 GPUs\n")])
def test_a_shared_discriminators_gpu_is_not_the_members(
    gpus: float, said: str, images: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    runner = object.__new__(PopulationTuner)  # it would train the judge
    runner.settings = tiny_settings(images, learner_gpus=1.0)
    runner.population = replace(SETTINGS, members=2, share_discriminator=True)
    monkeypatch.setattr(ray, "cluster_resources", lambda: {"CPU": 1000.0, "GPU": gpus})
    runner.check_room(joined=False)
    assert capsys.readouterr().out == said
