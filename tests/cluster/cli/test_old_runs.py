"""Runs that Impasto 0.1 made: a painter's, a population and a latent one still open, resume, evaluate and are shown.

`tests/fixtures/make_old_runs.py` says how they were made.
"""

from __future__ import annotations

import json
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import ray
from PIL import Image

from cluster import cli
from cluster.dashboard.server import make_app
from cluster.metrics.log import read_metrics
from cluster.population.folder import PopulationFolder
from cluster.population.lineage.events import read_events
from cluster.runs import checkpoints
from cluster.runs.folder import RunFolder
from cluster.runs.stored import last_checkpoint
from cluster.runs.stored_settings import read_settings
from tests.cluster.dashboard.client import Client

ARCHIVE = Path(__file__).parents[2] / "fixtures" / "runs_of_0_1.tar.xz"
RUNS = ("painter", "latent", "population/members/00", "population/members/01")


def unpack(folder: Path) -> Path:
    """The old runs in a new folder, with the path of their data as a driver there would have written it."""
    with tarfile.open(ARCHIVE) as archive:
        archive.extractall(folder, filter="data")
    for path in folder.rglob("config.json"):
        config = json.loads(path.read_text())
        system = config.get("settings", config)["system"]
        system["data"] = str(folder / system["data"])
        path.write_text(json.dumps(config))
    return folder


@pytest.fixture(scope="module")
def old(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The old runs, to be read."""
    return unpack(tmp_path_factory.mktemp("old"))


@pytest.fixture
def own(tmp_path: Path, private_ray: None, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The old runs, to be changed by one test, in a process with a Ray that stays."""
    monkeypatch.setattr(ray, "shutdown", lambda: None)
    monkeypatch.setenv("IMPASTO_CACHE", str(tmp_path / "cache"))
    return unpack(tmp_path / "old")


def counters(run: Path) -> dict[str, Any]:
    path, damaged = checkpoints.latest_good(run / "checkpoints")
    assert path is not None
    assert not damaged
    return {"update": checkpoints.load(path).update, **checkpoints.load(path).documents["counters"]}


@pytest.mark.parametrize("name", RUNS)
def test_settings_are_read_and_written_as_they_were(old: Path, name: str) -> None:
    folder = RunFolder.open(old / name, write=False)
    config = folder.read_config()
    written = json.loads(json.dumps(read_settings(folder).to_json()))
    assert written["kind"] == config["kind"]
    for part, values in config.items():
        if part != "kind":
            assert {key: written[part][key] for key in values} == values


def test_a_populations_settings_are_read(old: Path) -> None:
    population, settings = PopulationFolder(old / "population").read_settings()
    config = json.loads((old / "population" / "config.json").read_text())
    assert json.loads(json.dumps(population.to_json())).items() >= config["population"].items()
    assert settings.system.steps == config["settings"]["system"]["steps"]


@pytest.mark.parametrize("name", RUNS)
def test_checkpoints_are_intact(old: Path, name: str) -> None:
    checkpoint = last_checkpoint(RunFolder.open(old / name, write=False))
    assert checkpoint is not None
    assert checkpoint.update == checkpoint.documents["counters"]["policy"]["updates"] > 0
    assert len(checkpoint.arrays["replay"]) > 0


@pytest.mark.parametrize(
    "name", ["runs/painter", "runs/latent", "runs/population~members~00", "populations/population"]
)
def test_the_dashboard_shows_them(old: Path, name: str) -> None:
    client = Client(make_app(old))
    assert f'href="{name}/"' in client.get("/").text or "~" in name
    answer = client.get(f"/{name}/")
    assert answer.status_code == 200
    tabs = ("samples", "drift", "audit", "events") if name.startswith("populations") else ()
    for tab in tabs:
        assert client.get(f"/{name}/{tab}/").status_code == 200
    run = old / name.split("/")[1].replace("~", "/")
    for sheet in run.glob("samples/*.png"):
        assert f"sheets/{sheet.stem}/" in answer.text
        assert client.get(f"/{name}/sheets/{sheet.stem}/").status_code == 200


@pytest.mark.parametrize("name", ["painter", "population/members/00"])
def test_a_painter_is_sampled_and_evaluated(
    old: Path, tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    run = str(old / name)
    assert cli.main(["sample", run, "--out", str(tmp_path), "--count", "4"]) == 0
    with Image.open(tmp_path / "sheet.png") as picture:
        picture.load()
    capsys.readouterr()
    assert cli.main(["evaluate", run, "--count", "8", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["updates"] == counters(old / name)["update"]


def test_lineage_of_a_population(old: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["lineage", str(old / "population"), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [each["member"] for each in told["ancestry"]] == [1, 0], "member 0 copied member 1"


def test_translate_with_a_latent_run(old: Path, tmp_path: Path) -> None:
    image = sorted((old / "bars" / "test" / "a").glob("*.png"))[0]
    assert cli.main(["translate", str(image), "--run", str(old / "latent"), "--out", str(tmp_path)]) == 0
    with Image.open(tmp_path / f"{image.stem}-add-1.png") as picture:
        assert np.asarray(picture).any()


def test_evaluate_a_latent_run(
    old: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IMPASTO_CACHE", str(tmp_path / "cache"))
    assert cli.main(["evaluate", str(old / "latent"), "--json"]) == 0
    result = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert result["images"] == 120
    assert result["updates"] == counters(old / "latent")["update"]


@pytest.mark.parametrize("name", ["painter", "latent"])
def test_a_run_is_resumed(own: Path, name: str) -> None:
    run = own / name
    before = counters(run)
    assert cli.main(["resume", str(run), "--steps", str(before["trained_steps"] + 64)]) == 0
    after = counters(run)
    assert after["update"] > before["update"]
    assert after["trained_steps"] >= before["trained_steps"] + 64
    assert after["restarts"] == before["restarts"] + 1
    rows = read_metrics(run / "metrics.jsonl")
    (resumed,) = [row for row in rows if row.get("event") == "resume"]
    assert resumed["update"] == before["update"]


def test_a_population_is_resumed(own: Path) -> None:
    run = own / "population"
    before = read_events(run / "lineage.jsonl")
    steps = max(event.get("env_steps") or 0 for event in before) + 64
    assert cli.main(["resume", str(run), "--steps", str(steps)]) == 0
    after = read_events(run / "lineage.jsonl")
    assert after[: len(before)] == before
    assert [event["n"] for event in after] == list(range(len(after)))
    stops = [event for event in after[len(before) :] if event["event"] == "stop"]
    assert {event["member"] for event in stops} == {None, 0, 1}
    assert {event["reason"] for event in stops} == {"finished"}
    for member in (0, 1):
        assert counters(run / "members" / f"{member:02d}")["trained_steps"] >= steps
