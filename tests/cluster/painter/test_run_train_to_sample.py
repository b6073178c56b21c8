"""``impasto train``, ``sample`` and ``resume`` as a user runs them, in processes of their own."""

from __future__ import annotations

import json
import math
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
import torch
from PIL import Image

from cluster import cli
from cluster.metrics.log import read_metrics
from cluster.painter.recordings import Recording, paint_again
from cluster.painter.sampler import Sampler
from cluster.painter.settings import PainterSettings
from cluster.runs import checkpoints
from cluster.runs.folder import RunFolder
from tests.cluster.painter.driven import START, trained_rows
from tests.helpers.tiny_run import (
    assert_catalogued,
    assert_gone,
    end,
    family,
    launch,
    options,
    tiny_settings,
    wait_until,
)


@dataclass
class Run:
    """A run that ended by itself."""

    path: Path
    status: int
    output: str
    processes: list[psutil.Process]

    @property
    def rows(self) -> list[dict[str, Any]]:
        return read_metrics(self.path / "metrics.jsonl")


@pytest.fixture(scope="module")
def finished(images: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """A run of six seconds of training."""
    folder = tmp_path_factory.mktemp("finished")
    log, path = folder / "log", folder / "run"
    driver = launch(["train", str(images), "--run", str(path), *options(minutes=0.1, seed=3)], log)
    processes: list[psutil.Process] = []
    try:
        wait_until(lambda: driver.poll() is not None or trained_rows(path), START, "the first row")
        if driver.poll() is None:
            processes = family(driver.pid)
        driver.wait(START)
        yield Run(path, driver.returncode, log.read_text(), processes)
    finally:
        end(driver, processes)


def test_a_run_ends_by_itself_in_plain_lines(finished: Run) -> None:
    assert finished.status == 0, finished.output
    lines = finished.output.splitlines()
    assert f"pictures: {finished.path}/samples" in lines
    assert f"next: impasto evaluate {finished.path}" in lines
    assert any(line.startswith("100% 0:00:06") for line in lines)
    assert any(line.startswith("finished after 0.1 minutes of training, ") for line in lines)
    assert "\x1b" not in finished.output
    assert "Traceback" not in finished.output
    assert "WARNING" not in finished.output
    assert len([line for line in lines if "no progress for" not in line]) < 15


def test_a_run_leaves_no_process(finished: Run) -> None:
    names = " ".join(process.name() if process.is_running() else "" for process in finished.processes)
    assert len(finished.processes) > 4, names
    assert_gone(finished.processes)


def test_a_run_records_what_it_did(finished: Run) -> None:
    settings = PainterSettings.from_json(json.loads((finished.path / "config.json").read_text()))
    assert settings == tiny_settings(Path(settings.system.data), minutes=0.1, seed=3)
    rows = [row for row in finished.rows if "progress" in row]
    updates = [row["update"] for row in rows]
    assert updates == sorted(updates)
    assert updates[-1] > updates[0] >= 0
    assert not any("nonfinite" in row for row in finished.rows)
    learned = [row for row in rows if "policy/loss" in row]
    assert all(math.isfinite(row["policy/loss"]) and math.isfinite(row["discriminator/loss"]) for row in learned[1:])
    last = rows[-1]
    assert_catalogued(finished.rows)
    assert last["progress"] == 1.0
    assert last["env_steps"] <= last["sampled_steps"]
    assert last["discriminator/updates"] > 0
    assert 0 < last["replay/fill"] <= 1
    assert last["lag/max"] < settings.system.max_lag
    assert {"queue", "in_flight", "runners/healthy", "runners/restarts", "redis/restarts", "batches/lost"} <= set(last)
    assert sum(share for name, share in last.items() if name.startswith("time/")) == pytest.approx(1.0)
    assert list((finished.path / "tensorboard").glob("events.out.tfevents.*"))


def test_a_runs_pictures_open(finished: Run) -> None:
    sheets = sorted((finished.path / "samples").glob("*.png"))
    assert len(sheets) >= 2
    for sheet in sheets:
        with Image.open(sheet) as picture:
            picture.load()
            assert picture.width > picture.height > 64
    with Image.open(finished.path / "samples" / "painting.gif") as animation:
        assert animation.format == "GIF"
        assert 1 <= animation.n_frames <= 4  # type: ignore[attr-defined]  # strokes that change nothing are one frame
        assert animation.size == (256, 256)


def test_a_runs_checkpoints_load(finished: Run) -> None:
    path, damaged = checkpoints.latest_good(finished.path / "checkpoints")
    assert path is not None
    assert not damaged
    checkpoint = checkpoints.load(path)
    counters = checkpoint.documents["counters"]
    assert checkpoint.update == counters["policy"]["updates"] > 0
    assert counters["trained_steps"] == 16 * 3 * checkpoint.update
    assert counters["trained_seconds"] >= 6
    assert checkpoint.arrays["replay"]["canvases"].shape[1:] == (16, 16, 3)
    assert checkpoint.score is not None


def test_sample_paints_what_its_actions_say(finished: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "pictures"
    assert cli.main(["sample", str(finished.path), "--out", str(out), "--count", "40", "--seed", "5"]) == 0
    printed = capsys.readouterr().out.splitlines()
    assert printed == [str(out / name) for name in ("sheet.png", "painting.gif", "sheet.npz")]
    for name in ("sheet.png", "painting.gif"):
        with Image.open(out / name) as picture:
            picture.load()
    recorded = Recording.load(out / "sheet.npz")
    settings = PainterSettings.from_json(RunFolder.open(finished.path, write=False).read_config())
    path, _ = checkpoints.latest_good(finished.path / "checkpoints")
    assert path is not None
    sampler = Sampler(settings, seed=5)
    weights = checkpoints.load(path).tensors
    sampler.load(weights["policy"], weights["discriminator"])
    paintings = sampler.paint(40, scored=40)
    sampler.close()
    np.testing.assert_array_equal(recorded.actions, paintings.actions)
    np.testing.assert_array_equal(recorded.noise, paintings.noise)
    np.testing.assert_array_equal(recorded.scores, paintings.scores)
    np.testing.assert_array_equal(paint_again(settings, recorded.actions)[-1], paintings.full)
    assert len({canvas.tobytes() for canvas in paintings.full}) > 1


def test_search_keeps_better_paintings(finished: Run, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["search", str(finished.path), "--k", "1,4", "--count", "24", "--json", "True"]
    assert cli.main(words) == 0
    result = json.loads(capsys.readouterr().out)
    found = {(row["method"], row["k"]): row for row in result["rows"]}
    for method in ("best", "beam"):
        assert found[method, 4]["score"] > found[method, 1]["score"]
    with Image.open(result["sheet"]) as picture:
        picture.load()


def test_a_run_is_not_overwritten(finished: Run, images: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = (finished.path / "config.json").read_bytes()
    assert cli.main(["train", str(images), "--run", str(finished.path), *options()]) == 2
    message = capsys.readouterr().err
    assert message == (
        f"impasto: {finished.path} holds another run: continue it with `impasto resume {finished.path}` "
        "or choose another --run\n"
    )
    assert (finished.path / "config.json").read_bytes() == before


def test_without_an_intact_checkpoint_there_is_nothing_to_resume(
    finished: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"
    shutil.copytree(finished.path, run)
    for folder in checkpoints.checkpoints(run / "checkpoints"):
        (folder / "policy.safetensors").write_bytes(b"rubbish")
    for command in ("resume", "sample", "evaluate"):
        assert cli.main([command, str(run)]) == 2
        lines = capsys.readouterr().err.splitlines()
        assert lines[-1] == f"impasto: {run}: no intact checkpoint"
        assert all(line.startswith("warning: damaged checkpoint skipped: ") for line in lines[:-1])


@pytest.mark.slow
def test_two_runs_share_a_machine(images: Path, tmp_path: Path) -> None:
    """Each with its own Ray and its own Redis; neither ends the other's."""
    drivers: list[subprocess.Popen[bytes]] = []
    try:
        for name in ("one", "two"):
            minutes = 0.1 if name == "one" else 0.3
            arguments = ["train", str(images), "--run", str(tmp_path / name), *options(minutes=minutes)]
            drivers.append(launch(arguments, tmp_path / f"{name}.log"))
        for driver, name in zip(drivers, ("one", "two"), strict=True):
            assert driver.wait(2 * START) == 0, (tmp_path / f"{name}.log").read_text()
    finally:
        for driver in drivers:
            end(driver)


@pytest.mark.slow
def test_learners_in_processes_of_their_own(images: Path, tmp_path: Path) -> None:
    run, log = tmp_path / "run", tmp_path / "log"
    given = options(minutes=0.1, policy_learners=1, discriminator_learners=1)
    driver = launch(["train", str(images), "--run", str(run), *given], log)
    try:
        assert driver.wait(2 * START) == 0, log.read_text()
    finally:
        end(driver)
    path, _ = checkpoints.latest_good(run / "checkpoints")
    assert path is not None
    checkpoint = checkpoints.load(path)
    assert checkpoint.update > 3
    assert checkpoint.documents["counters"]["discriminator"]["updates"] > 3
    assert all(torch.isfinite(value).all() for value in checkpoint.tensors["policy"].values())
