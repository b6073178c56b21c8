"""Runs that train within seconds: their settings, their data, their processes."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from PIL import Image

from cluster.metrics.catalogue import find
from cluster.painter.settings import PainterSettings, preset
from cluster.painter.spiral import Spiral

REPOSITORY = Path(__file__).parents[2]

TINY: dict[str, Any] = {
    "canvases": 16,
    "observation_size": 16,
    "episode_length": 4,
    "discriminator_width": 8,
    "discriminator_batch": 16,
    "replay_batches": 1,
    "torch_threads": 1,
}
"""Changes to the laptop preset that make an update take milliseconds."""

SMALL_POPULATION: dict[str, Any] = {
    "members": 2,
    "interval_steps": 2000,
    "burn_in_steps": 2000,
    "fitness_samples": 64,
    "critic_samples": 16,
}
"""A population whose members exploit each other within seconds."""


def make_images(folder: Path, count: int = 24) -> Path:
    """A data set: colored rectangles on white, 32x32."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    for number in range(count):
        picture = np.full((32, 32, 3), 255, np.uint8)
        top, left = rng.integers(2, 16, 2)
        picture[top : top + 12, left : left + 12] = rng.integers(0, 200, 3)
        Image.fromarray(picture).save(folder / f"{number:02d}.png")
    return folder


def tiny_settings(images: Path, **changes: Any) -> PainterSettings:
    """The laptop preset, made small, with ``changes``."""
    return preset("laptop", str(images)).replace(**(TINY | changes))


def options(**changes: Any) -> list[str]:
    """:data:`TINY` and ``changes`` as options of the command line."""
    return [part for name, value in (TINY | changes).items() for part in (f"--{name.replace('_', '-')}", str(value))]


def launch(arguments: Iterable[str], log: Path) -> subprocess.Popen[bytes]:
    """Start ``impasto`` as a terminal does, in a process group of its own; ``log`` takes what it prints."""
    environment = {name: value for name, value in os.environ.items() if name not in ("RAY_ADDRESS", "IMPASTO_DEBUG")}
    with log.open("ab") as output:
        return subprocess.Popen(
            [sys.executable, "-m", "cluster", *arguments],
            cwd=REPOSITORY,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )


def assert_catalogued(rows: Iterable[Mapping[str, Any]]) -> None:
    """Fail if a row of a run's metrics holds a name that the catalogue does not have."""
    names = {name for row in rows for name in row} - {"update", "time", "event", "nonfinite"}
    assert "env_steps" in names
    for name in names:
        find(name)


def wait_until(condition: Callable[[], Any], seconds: float, what: str) -> Any:
    """Wait for ``condition`` to be true and return its value; fail after ``seconds``."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if value := condition():
            return value
        time.sleep(0.1)
    raise AssertionError(f"waited {seconds:g} s for {what}")


def family(pid: int) -> list[psutil.Process]:
    """All processes that come from ``pid``, itself not included."""
    return psutil.Process(pid).children(recursive=True)


def running(processes: Iterable[psutil.Process]) -> list[psutil.Process]:
    """Those that did not end; a zombie has."""
    alive = []
    for process in processes:
        try:
            if process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
                alive.append(process)
        except psutil.NoSuchProcess:
            continue
    return alive


def assert_gone(processes: Iterable[psutil.Process], seconds: float = 60.0) -> None:
    """Fail if any of these outlives the next ``seconds``."""
    watched = list(processes)
    wait_until(lambda: not running(watched), seconds, f"the end of {[p.pid for p in running(watched)]}")


def end(driver: subprocess.Popen[bytes], processes: Iterable[psutil.Process] = ()) -> None:
    """Leave nothing behind when a test fails."""
    mine = [*processes]
    if driver.poll() is None:
        mine += family(driver.pid)
        driver.kill()
    driver.wait()
    for process in running(mine):
        process.kill()


def quiet(algorithm: Spiral) -> None:
    """Let all that was asked for arrive, so that nothing changes the replay any more."""
    algorithm.collect(everything=True)
    while algorithm.pool.in_flight:
        algorithm.fetch_batches()
