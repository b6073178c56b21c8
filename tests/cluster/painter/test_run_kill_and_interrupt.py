"""``impasto train`` that is killed, interrupted and resumed, in processes of its own."""

from __future__ import annotations

import itertools
import os
import signal
from pathlib import Path

import psutil
import pytest

from cluster.metrics.log import read_metrics
from cluster.runs import checkpoints
from tests.cluster.painter.driven import START, saved, trained_rows
from tests.helpers.tiny_run import assert_gone, end, family, launch, options, wait_until


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
