"""Small runs that train in the test's own process."""

from __future__ import annotations

import os
import time
from typing import Any

import psutil

from cluster.painter.settings import PainterSettings
from cluster.painter.spiral import Spiral, SpiralConfig
from tests.helpers.tiny_run import wait_until


def build(settings: PainterSettings) -> Spiral:
    algorithm = SpiralConfig().use(settings).build_algo()
    assert isinstance(algorithm, Spiral)
    return algorithm


def train_until(algorithm: Spiral, condition: Any, seconds: float = 300.0) -> None:
    """Iterate until ``condition(latest)`` holds."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        algorithm.train()
        if condition(algorithm.latest):
            return
    raise AssertionError(f"not within {seconds:g} s; latest: {algorithm.latest}")


def actor_pids(algorithm: Spiral) -> list[int]:
    """Processes of the actors that paint for ``algorithm``."""
    pids: list[int] = algorithm.runners.foreach_env_runner(lambda runner: os.getpid(), local_env_runner=False)
    return pids


def kill(pid: int) -> None:
    """SIGKILL, and wait for the end."""
    process = psutil.Process(pid)
    process.kill()
    wait_until(lambda: not process.is_running() or process.status() == psutil.STATUS_ZOMBIE, 60, f"the end of {pid}")
