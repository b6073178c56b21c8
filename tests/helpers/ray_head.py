"""A real Ray head as ``ray start --head`` makes it, on free ports, with a folder of its own, ended by its own pids."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from tests.helpers.tiny_run import REPOSITORY, running, wait_until

PORTS = (
    "port",
    "dashboard-port",
    "dashboard-agent-listen-port",
    "dashboard-agent-grpc-port",
    "metrics-export-port",
    "runtime-env-agent-port",
    "ray-client-server-port",
)


def free_ports(count: int) -> list[int]:
    """Ports that were free a moment ago, all different."""
    probes = [socket.socket() for _ in range(count)]
    for probe in probes:
        probe.bind(("127.0.0.1", 0))
    ports = [int(probe.getsockname()[1]) for probe in probes]
    for probe in probes:
        probe.close()
    return ports


@dataclass(frozen=True)
class Head:
    """Where a head listens.

    Attributes:
        gcs: address for ``ray.init``.
        dashboard: address of the dashboard and the job server.
        metrics: address that Prometheus would scrape.
        temporary: its folder of logs and sockets.
        environment: for programs that talk to it.
    """

    gcs: str
    dashboard: str
    metrics: str
    temporary: Path
    environment: dict[str, str]

    def impasto(self, *arguments: str, log: Path | None = None) -> subprocess.Popen[str]:
        """Start ``impasto`` as someone at a terminal of this cluster would; ``log`` takes what it prints."""
        output = subprocess.PIPE if log is None else log.open("w")
        return subprocess.Popen(
            [sys.executable, "-m", "cluster", *arguments],
            cwd=REPOSITORY,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def scrape(self) -> str:
        """What the Prometheus port shows now."""
        with urllib.request.urlopen(self.metrics, timeout=10) as answer:
            return str(answer.read().decode())


@contextmanager
def ray_head(home: Path, cpus: int, **environment: str) -> Iterator[Head]:
    """Start a head with ``cpus`` CPUs; its jobs find their home folder in ``home``."""
    ports = dict(zip(PORTS, free_ports(len(PORTS)), strict=True))
    temporary = Path(tempfile.mkdtemp(prefix="ray-", dir="/tmp"))  # short: it holds sockets
    clean = {
        name: value for name, value in os.environ.items() if not name.startswith(("RAY_", "IMPASTO_", "PYTHONPATH"))
    }
    binaries = Path(sys.executable).parent
    clean |= {"HOME": str(home), "PATH": f"{binaries}:{clean['PATH']}", "RAY_AUTH_MODE": "disabled"} | environment
    log = (temporary / "start.log").open("w")
    process = subprocess.Popen(
        [
            str(binaries / "ray"),
            "start",
            "--head",
            "--block",
            "--node-ip-address=127.0.0.1",
            "--include-dashboard=true",
            "--disable-usage-stats",
            f"--num-cpus={cpus}",
            "--object-store-memory=100000000",
            f"--temp-dir={temporary}",
            *(f"--{name}={port}" for name, port in ports.items()),
        ],
        env=clean,
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        start_new_session=True,
    )
    log.close()
    family: list[psutil.Process] = []
    try:
        dashboard = f"http://127.0.0.1:{ports['dashboard-port']}"
        wait_until(
            lambda: answers(f"{dashboard}/api/version") or process.poll() is not None, 120, "the head's job server"
        )
        assert process.poll() is None, (temporary / "start.log").read_text()
        metrics = f"http://127.0.0.1:{ports['metrics-export-port']}/metrics"
        wait_until(lambda: answers(metrics), 120, "the head's Prometheus port")
        yield Head(f"127.0.0.1:{ports['port']}", dashboard, metrics, temporary, clean | {"RAY_ADDRESS": dashboard})
    finally:
        family = psutil.Process(process.pid).children(recursive=True) if process.poll() is None else []
        process.terminate()
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        for left in running(family):
            left.kill()
        shutil.rmtree(temporary, ignore_errors=True)


def answers(url: str) -> bool:
    """Whether something answers there."""
    try:
        with urllib.request.urlopen(url, timeout=2):
            return True
    except OSError:
        return False
