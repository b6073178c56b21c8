"""A user's own task and brush travel with the run, and a task's code runs only if this machine has confirmed it."""

from __future__ import annotations

import json
import pickle
import shutil
from pathlib import Path

import pytest
from ray import cloudpickle

from cluster.errors import UserError
from cluster.latent.settings import LatentSettings
from cluster.latent.td3 import TD3Config
from cluster.painter.settings import preset
from cluster.population import folder as folders
from cluster.population import launch as population_launch
from cluster.population.settings import PopulationSettings
from cluster.runs import own_files
from cluster.runs.folder import RunFolder
from cluster.runs.stored_settings import read_settings, read_settings_as, trust_task

TASK = "class Mine:\n    name = 'mine'\n"


@pytest.fixture(autouse=True)
def this_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine that has confirmed nothing."""
    monkeypatch.setenv("IMPASTO_CACHE", str(tmp_path / "this"))
    return tmp_path / "this"


def begin(path: Path, settings: LatentSettings) -> LatentSettings:
    """Begin a run as `launch.start` does; returns the settings that it trains with."""
    with RunFolder.create(path, settings.storable()) as folder:
        kept = own_files.keep_in(folder, settings)
    return kept


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run with a task of the user's own, whose original was edited afterwards."""
    task = tmp_path / "mine.py"
    task.write_text(TASK)
    kept = begin(tmp_path / "run", LatentSettings().replace(task=f"add:1,{task}:Mine"))
    task.write_text("raise SystemExit")
    assert str(tmp_path / "run" / "own") in kept.flat()["task"], "it goes on with the copy"
    return tmp_path / "run"


def test_a_run_goes_on_with_the_task_that_it_began_with(run: Path, tmp_path: Path) -> None:
    config = json.loads((run / "config.json").read_text())
    assert ",own/" in config["world"]["task"], "a path in the folder"
    run.rename(tmp_path / "moved")
    settings = read_settings(RunFolder.open(tmp_path / "moved", write=False))
    first, mine = settings.flat()["task"].split(",")
    file, _, name = mine.rpartition(":")
    assert (first, name) == ("add:1", "Mine")
    assert Path(file).read_text() == TASK
    written = json.loads(json.dumps(own_files.storable(tmp_path / "moved", settings)))
    assert written == config, "a resume writes the same"


def test_a_strangers_task_is_not_run_until_it_is_confirmed(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IMPASTO_CACHE", str(tmp_path / "other"))
    folder = RunFolder.open(run, write=False)
    with pytest.raises(UserError, match="not confirmed on this machine: read it, then give --trust-task"):
        read_settings(folder)
    trust_task(folder)
    assert read_settings(folder).flat()["task"].endswith(":Mine")
    other = tmp_path / "second"
    shutil.copytree(run, other)
    read_settings(RunFolder.open(other, write=False))  # the same code


def test_a_file_of_a_run_that_was_changed_is_refused(run: Path) -> None:
    (copy,) = (run / "own").iterdir()
    copy.write_text(TASK + "import os\n")
    with pytest.raises(UserError, match="missing or was changed"):
        read_settings(RunFolder.open(run, write=False))
    with pytest.raises(UserError, match="missing or was changed"):
        trust_task(RunFolder.open(run, write=False))


@pytest.mark.parametrize("task", ["os:system", "{file}:Mine", "own/../../mine.py:Mine"])
def test_no_path_and_no_module_is_run_unasked(run: Path, tmp_path: Path, task: str) -> None:
    (tmp_path / "mine.py").write_text("print()")
    config = json.loads((run / "config.json").read_text())
    config["world"]["task"] = task.format(file=tmp_path / "mine.py")
    (run / "config.json").write_text(json.dumps(config))
    with pytest.raises(UserError, match=r"not confirmed on this machine|missing or was changed"):
        read_settings(RunFolder.open(run, write=False))


@pytest.mark.parametrize(
    "task", ["add:1", "all", "all:clip", "sub:2:clip,mul:3", "envs.latent.examples.strokes:Thicker"]
)
def test_what_ships_needs_no_confirmation(task: str) -> None:
    assert own_files.own_code(LatentSettings().replace(task=task)) == []


def test_a_brush_travels_too(tmp_path: Path) -> None:
    brush = tmp_path / "soft.myb"
    brush.write_text("{}")
    settings = preset("laptop", "mnist").replace(brush=str(brush))
    with RunFolder.create(tmp_path / "run", settings.storable()) as folder:
        own_files.keep_in(folder, settings)
    brush.unlink()
    stored = read_settings(RunFolder.open(tmp_path / "run", write=False))
    assert Path(stored.flat()["brush"]).read_text() == "{}"
    named = preset("laptop", "mnist").replace(brush="classic/pen")
    assert own_files.keep(tmp_path / "run", named) == named


def test_a_node_that_does_not_see_the_folder_gets_the_files(run: Path, this_machine: Path) -> None:
    config = TD3Config().use(read_settings_of(run))
    before = config.settings.flat()["task"]
    assert pickle.loads(pickle.dumps(config)).settings.flat()["task"] == before, "here they are"
    assert config.copy(copy_frozen=False).settings.flat()["task"] == before
    sent = cloudpickle.dumps(config)
    shutil.rmtree(run)  # the folder of another machine
    for _ in range(2):  # two actors
        first, mine = pickle.loads(sent).settings.flat()["task"].split(",")
        file = Path(mine.rpartition(":")[0])
        assert first == "add:1"
        assert file.parent == this_machine / "own"
        assert file.read_text() == TASK
    file.write_text("another file of that name")
    pickle.loads(sent)
    assert file.read_text() == TASK


def read_settings_of(run: Path) -> LatentSettings:
    """The settings that a driver reads; this machine has seen the run begin."""
    return read_settings_as(LatentSettings, RunFolder.open(run, write=False), "test")


def test_a_populations_brush_goes_to_its_folder_and_to_its_members(tmp_path: Path) -> None:
    brush = tmp_path / "mine.myb"
    brush.write_text("{}")
    settings = preset("laptop").replace(brush=str(brush))
    people = tmp_path / "people"
    with folders.create(people, {}) as folder:
        kept = own_files.keep(folder.path, settings)
        population_launch.write_config(folder, PopulationSettings(), kept)
    assert json.loads((people / "config.json").read_text())["settings"]["paint"]["brush"].startswith("own/")
    brush.unlink()
    people.rename(tmp_path / "moved")
    _, read = folders.PopulationFolder(tmp_path / "moved").read_settings()
    assert Path(read.paint.brush).read_text() == "{}"
    assert Path(read.paint.brush).parent == tmp_path / "moved" / "own"
    Path(read.paint.brush).write_text("changed")
    with pytest.raises(UserError, match="this file of the run is missing or was changed"):
        folders.PopulationFolder(tmp_path / "moved").read_settings()
