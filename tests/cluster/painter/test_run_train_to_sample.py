"""``impasto train``, ``sample`` and ``resume`` as a user runs them, in processes of their own."""

from __future__ import annotations

import itertools
import json
import math
import os
import shutil
import signal
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
from cluster.runs import checkpoints, manifests
from cluster.runs.folder import RunFolder
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

START = 600.0  # seconds within which a driver must train, on a busy machine


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


def trained_rows(path: Path) -> list[dict[str, Any]]:
    """Rows of iterations that learned something, so far."""
    metrics = path / "metrics.jsonl"
    return [row for row in read_metrics(metrics) if row.get("policy/loss") is not None] if metrics.exists() else []


def saved(path: Path) -> list[int]:
    """Updates of the checkpoints there, oldest first."""
    return [manifests.read_manifest(folder)["update"] for folder in checkpoints.checkpoints(path / "checkpoints")]


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
        assert animation.n_frames >= 2  # type: ignore[attr-defined]


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


def test_kill_resume_and_interrupt(images: Path, tmp_path: Path) -> None:
    """SIGKILL in the middle; the newest checkpoint damaged; `resume` goes on; Ctrl-C ends it with a checkpoint."""
    run, log = tmp_path / "run", tmp_path / "log"
    processes: list[psutil.Process] = []
    settings = options(minutes=30, checkpoint_minutes=0.02, keep_checkpoints=4)
    driver = launch(["train", str(images), "--run", str(run), *settings], log)
    try:
        wait_until(lambda: driver.poll() is not None or len(saved(run)) >= 3, START, "three checkpoints")
        assert driver.poll() is None, log.read_text()
        processes = family(driver.pid)
        driver.kill()
        driver.wait()
        # Ray's two agents, who hold nothing, notice only after a minute.
        assert_gone(process for process in processes if not process.name().endswith("Agent"))
        rows = trained_rows(run)
        updates = saved(run)
        newest, before = reversed(checkpoints.checkpoints(run / "checkpoints")[-2:])
        lost = rows[-1]["elapsed_s"] - checkpoints.load(newest).documents["counters"]["trained_seconds"]
        iteration = max(after["elapsed_s"] - row["elapsed_s"] for row, after in itertools.pairwise(rows))
        assert lost < 0.02 * 60 + 2 * iteration, "more than a checkpoint interval and an iteration"
        with (newest / "policy.safetensors").open("r+b") as file:
            file.seek(200)
            file.write(b"damage")

        log.write_bytes(b"")
        driver = launch(["resume", str(run)], log)
        seen = len(rows)
        wait_until(lambda: driver.poll() is not None or len(trained_rows(run)) > seen, START, "another row")
        assert driver.poll() is None, log.read_text()
        processes = family(driver.pid)
        os.killpg(driver.pid, signal.SIGINT)  # as a terminal does
        assert driver.wait(180) == 0
        assert_gone(processes)
    finally:
        end(driver, processes)
    output = log.read_text()
    assert f"warning: damaged checkpoint skipped: {newest}/policy.safetensors was changed" in output
    assert "interrupted after" in output
    assert f"next: impasto resume {run}" in output
    assert "Traceback" not in output
    rows = read_metrics(run / "metrics.jsonl")
    (marker,) = [number for number, row in enumerate(rows) if row.get("event") == "resume"]
    assert rows[marker]["update"] == checkpoints.load(before).update == updates[-2]
    after = [row for row in rows[marker + 1 :] if "policy/loss" in row]
    assert after[0]["update"] > updates[-2]
    assert after[0]["elapsed_s"] > checkpoints.load(before).documents["counters"]["trained_seconds"]
    path, _ = checkpoints.latest_good(run / "checkpoints")
    assert path is not None
    last = checkpoints.load(path)
    assert last.update >= after[-1]["update"]
    assert last.documents["counters"]["restarts"] == 1


@pytest.mark.slow
def test_a_signal_to_the_driver_alone_ends_it_too(images: Path, tmp_path: Path) -> None:
    run, log = tmp_path / "run", tmp_path / "log"
    driver = launch(["train", str(images), "--run", str(run), *options(minutes=30)], log)
    processes: list[psutil.Process] = []
    try:
        wait_until(lambda: driver.poll() is not None or trained_rows(run), START, "the first row")
        processes = family(driver.pid)
        updates = trained_rows(run)[-1]["update"]
        driver.send_signal(signal.SIGINT)
        assert driver.wait(180) == 0, log.read_text()
        assert_gone(processes)
        assert saved(run)[-1] >= updates
    finally:
        end(driver, processes)


@pytest.mark.slow
def test_an_early_interrupt_leaves_nothing_behind(images: Path, tmp_path: Path) -> None:
    """Ctrl-C while Ray starts: no traceback on the terminal, no process left."""
    run, log = tmp_path / "run", tmp_path / "log"
    driver = launch(["train", str(images), "--run", str(run), *options(minutes=30)], log)
    processes: list[psutil.Process] = []
    try:
        wait_until(lambda: driver.poll() is not None or family(driver.pid), START, "the first process of Ray")
        processes = family(driver.pid)
        os.killpg(driver.pid, signal.SIGINT)
        assert driver.wait(180) in (0, 130), log.read_text()
        assert_gone(processes)
        assert "Traceback" not in log.read_text()
    finally:
        end(driver, processes)


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
