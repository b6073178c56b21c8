"""Whatever ends a run leaves a checkpoint, or says why not: signals to all its processes, a disk that is full."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cluster.errors import UserError
from cluster.metrics.log import MetricsWriter, read_metrics
from cluster.runs import checkpoints
from cluster.runs.checkpoints import Checkpoint
from cluster.training import resources
from cluster.training.full_disk import DiskPatience
from cluster.training.ray_session import wait_for_cluster
from cluster.training.stopping import Stopped, StopSignals
from tests.helpers.tiny_run import assert_gone, end, family, launch, options, wait_until

MEGABYTE = 1 << 20


def updates(run: Path) -> int:
    """Updates in the newest row of a run's metrics; 0 if there is none."""
    path = run / "metrics.jsonl"
    rows = [row for row in read_metrics(path) if "updates" in row] if path.exists() else []
    return int(rows[-1]["updates"]) if rows else 0


@pytest.mark.parametrize("number", [signal.SIGTERM, pytest.param(signal.SIGHUP, marks=pytest.mark.slow)])
def test_a_signal_to_all_processes_of_a_run_leaves_a_checkpoint(
    images: Path, tmp_path: Path, number: signal.Signals
) -> None:
    """Schedulers and terminals signal the whole process group, some of them all that descends from the driver."""
    run, log = tmp_path / "run", tmp_path / "log"
    driver = launch(["train", str(images), "--run", str(run), *options(minutes=30, checkpoint_minutes=30)], log)
    processes = []
    try:
        wait_until(lambda: updates(run) > 20, 900, "updates")
        processes = family(driver.pid)
        for process in processes:
            process.send_signal(number)
        os.killpg(driver.pid, number)
        assert driver.wait(400) == 0, log.read_text()
        path, damaged = checkpoints.latest_good(run / "checkpoints")
        assert path is not None
        assert not damaged
        assert checkpoints.summary(path).update >= updates(run) > 20
        assert "interrupted after" in log.read_text()
        assert_gone(processes, 60)
    finally:
        end(driver, processes)


def test_a_signal_while_nothing_is_there_yet_ends_at_once() -> None:
    stop = StopSignals()
    with stop.handled():
        with pytest.raises(Stopped), stop.ending_at_once():
            signal.raise_signal(signal.SIGTERM)
        assert stop.came
        with pytest.raises(Stopped), stop.ending_at_once():
            raise AssertionError("a signal that came before counts too")


def test_the_first_ctrl_c_says_that_the_second_ends_at_once(capfd: pytest.CaptureFixture[str]) -> None:
    stop = StopSignals()
    inherited = signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored, if the tests run in the background
    before = signal.getsignal(signal.SIGINT)
    with stop.handled():
        os.kill(os.getpid(), signal.SIGINT)
        assert stop.came
        assert "press Ctrl-C again to end at once, without one" in capfd.readouterr().err
        assert stop.left <= stop.seconds
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) == before
    signal.signal(signal.SIGINT, inherited)


def test_a_signal_that_was_ignored_stays_so() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        stop = StopSignals()
        with stop.handled():
            os.kill(os.getpid(), signal.SIGHUP)
        assert not stop.came
    finally:
        signal.signal(signal.SIGHUP, before)


def test_what_a_run_lacks_is_named() -> None:
    assert resources.lacking({"CPU": 3, "GPU": 2}, {"CPU": 4}) == "2 GPUs, there are 0"
    assert resources.lacking({"CPU": 3, "GPU": 0}, {"CPU": 3}) == ""


@pytest.mark.usefixtures("private_ray")
def test_a_private_ray_without_the_gpus_is_refused() -> None:
    with pytest.raises(UserError, match="this run needs 2 GPUs, there are 0"):
        resources.require({"CPU": 1, "GPU": 2})


def test_a_cluster_that_nobody_serves_is_refused() -> None:
    begin = time.monotonic()
    with pytest.raises(UserError, match=r"--address: no Ray cluster answers at 127\.0\.0\.1:1:"):
        wait_for_cluster("127.0.0.1:1", 0.5)
    assert time.monotonic() - begin < 30


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of two megabytes."""
    place = tmp_path / "disk"
    place.mkdir()
    if os.geteuid() or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(place)]).returncode:
        pytest.skip("needs the right to mount a file system")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def checkpoint(update: int, size: int) -> Checkpoint:
    """A checkpoint of some size."""
    return Checkpoint(update, documents={"counters": {"filling": "x" * size}})


def test_a_full_disk_tears_nothing_and_leaves_nothing(small_disk: Path) -> None:
    root = small_disk / "checkpoints"
    first = checkpoints.save(root, checkpoint(1, MEGABYTE // 2))
    (root / ".tmp-left-by-a-kill").write_bytes(b"x" * MEGABYTE)
    disk = DiskPatience(small_disk)
    assert not disk.tried("checkpoint", lambda: checkpoints.save(root, checkpoint(2, 2 * MEGABYTE)))
    assert "no checkpoint could be written to" in disk.trouble
    assert "No space left" in disk.trouble
    assert [path.name for path in root.iterdir()] == [first.name], "own leftovers are gone, and what was half written"
    assert checkpoints.latest_good(root) == (first, [])
    assert not disk.tried("checkpoint", lambda: None), "not again at once"
    disk.again("checkpoint")
    assert disk.tried("checkpoint", lambda: checkpoints.save(root, checkpoint(3, MEGABYTE // 2)))
    assert not disk.trouble


def failing(error: OSError) -> Callable[[], None]:
    def write() -> None:
        raise error

    return write


def test_what_passes_is_waited_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    disk = DiskPatience(tmp_path)
    for number in (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.ESTALE, errno.ETIMEDOUT, errno.ENOTEMPTY):
        disk.again("checkpoint")
        assert not disk.tried("checkpoint", failing(OSError(number, os.strerror(number))))
        assert os.strerror(number) in disk.trouble
    assert capsys.readouterr().err.count("\n") == 6


def test_what_does_not_pass_ends_the_run_in_one_line(tmp_path: Path) -> None:
    disk = DiskPatience(tmp_path)
    gone = f"no checkpoint could be written to {tmp_path}: No such file or directory"
    with pytest.raises(UserError) as told:
        disk.tried("checkpoint", lambda: (tmp_path / "gone" / "file").write_bytes(b""))
    assert str(told.value) == gone
    with pytest.raises(UserError, match=r"no picture could be written to .*: Permission denied"):
        disk.tried("picture", failing(PermissionError(errno.EACCES, "Permission denied")))
    with pytest.raises(TimeoutError, match="an actor"):  # Ray's, which is none of the disk's
        disk.tried("picture", failing(TimeoutError("an actor does not answer")))


def test_rows_of_metrics_wait_for_a_full_disk(small_disk: Path) -> None:
    path, filler = small_disk / "metrics.jsonl", small_disk / "filler"
    with MetricsWriter(path, None) as writer:
        writer.write(1, {"env_steps": 1})
        filler.write_bytes(b"x" * (2 * MEGABYTE - 8192))
        text = "y" * 3000
        for update in range(2, 8):
            writer.write(update, {"note": text})
        assert len(read_metrics(path)) < 7, "the disk was full"
        filler.unlink()
        writer.write(8, {"env_steps": 8})
    assert [row["update"] for row in read_metrics(path)] == list(range(1, 9))
