"""Training beside other libraries: the same painting world and policy, reward zero, on this machine, in turns.

Each library runs in a virtual environment of its own, made when it is first asked for, in which our packages are found
too. A library that can not be installed is left out, and its figure's place is taken by a line that says why.
"""

from __future__ import annotations

import os
import signal
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode

from cluster.bench.environments import install, make_environment
from cluster.bench.measure import figure, median_ratio, rounded, spread
from cluster.bench.options import BenchOptions, Figure
from cluster.bench.peer_runs.world import SituatedPaint, inputs_of, make_policy, settings
from cluster.bench.processes import machine_cpu_seconds, tree_cpu_seconds, tree_of
from cluster.training.cpus import available_cpus

ROOT = Path(__file__).resolve().parents[2]
#: Seconds within which a run must have learned from its first batch.
SECONDS_TO_START = 600.0
#: Seconds within which it must have learned from another batch once it has begun.
SECONDS_TO_GO_ON = 120.0
WHOLE, POLICY = "ours, whole", "ours, the policy alone"


@dataclass(frozen=True)
class Peer:
    """A training that is compared.

    Attributes:
        module: Of `cluster.bench.peer_runs`.
        arguments: Of its command line.
        packages: Arguments of `pip install` for its environment; none if ours will do.
        about: What it does, for the figures.
    """

    module: str
    about: str
    arguments: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()


PEERS = {
    WHOLE: Peer("ours", "discriminator, its scores, replay, autoregressive policy, V-trace", ("whole",)),
    POLICY: Peer("ours", "autoregressive policy, V-trace; no discriminator, no reward", ("policy",)),
    "Sample Factory APPO": Peer(
        "sample_factory",
        "two workers, batched sampling, the same policy, GAE, one epoch",
        packages=("--no-deps", "sample-factory==2.1.1", "signal-slot-mp", "faster-fifo", "colorlog"),
    ),
    "RLlib IMPALA": Peer("rllib_impala", "one batched environment runner, one learner, the same policy, V-trace"),
    "TorchRL PPO": Peer(
        "torchrl",
        "asynchronous collector of two processes, the same policy, GAE, one epoch; looks twice, for actor and critic",
        packages=("--no-deps", "torchrl==0.14.1", "tensordict==0.15.3", "pyvers", "importlib_metadata", "orjson"),
    ),
}


class PeerFailed(RuntimeError):
    """A library that could not be installed, or whose training ended."""


def environment_of(name: str, peer: Peer, folder: Path) -> Path:
    """Return the Python of a peer's environment, which is made if it is not there yet, or has other packages.

    Raises:
        PeerFailed: Its packages can not be installed.
    """
    if not peer.packages:
        return Path(sys.executable)
    place = folder / peer.module
    wanted, known = "\n".join(peer.packages), place / "installed"
    if known.exists() and known.read_text() == wanted:
        return place / "bin" / "python"
    python = make_environment(place)
    if trouble := install(python, peer.packages):
        raise PeerFailed(f"{name} can not be installed: {trouble.splitlines()[-1]}")
    known.write_text(wanted)
    return python


class Training:
    """A peer's training in processes of its own.

    Attributes:
        steps: That it has learned from so far.
        learned: When it last said that these have become more, on the monotonic clock.
        errors: The last lines that it printed besides.
    """

    def __init__(self, name: str, peer: Peer, python: Path, arguments: tuple[str, ...] = ()) -> None:
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
        self.name, self.steps = name, 0
        self.learned = time.monotonic()
        self.process = subprocess.Popen(
            [python, "-m", f"cluster.bench.peer_runs.{peer.module}", *peer.arguments, *arguments],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self.errors: list[str] = []
        self.readers = [threading.Thread(target=each, daemon=True) for each in (self.read_steps, self.read_errors)]
        for reader in self.readers:
            reader.start()

    def read_steps(self) -> None:
        """Keep the newest number of steps that it prints."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if line.strip().isdigit() and int(line) != self.steps:
                self.steps, self.learned = int(line), time.monotonic()

    def read_errors(self) -> None:
        """Keep the last lines that it prints besides."""
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.errors = [*self.errors[-20:], line.rstrip()]

    def require_life(self) -> None:
        """Raise PeerFailed if it has ended."""
        if self.process.poll() is not None:
            last = self.errors[-1] if self.errors else f"exit status {self.process.returncode}"
            raise PeerFailed(f"{self.name} ended: {last}")

    def wait(self, seconds: float, least_steps: int = 0) -> None:
        """Wait for `seconds`, and until it has learned from more than `least_steps`.

        Raises:
            PeerFailed: It has ended, or it learned nothing for minutes, as those do whose children have died.
        """
        start = time.monotonic()
        while time.monotonic() - start < seconds or self.steps <= least_steps:
            self.require_life()
            longest = SECONDS_TO_GO_ON if self.steps else SECONDS_TO_START
            if time.monotonic() - self.learned > longest:
                last = f"; it printed: {self.errors[-1]}" if self.errors else ""
                raise PeerFailed(f"{self.name} learned nothing for {longest:.0f} s{last}")
            time.sleep(0.05)

    def end(self) -> None:
        """End its processes."""
        below = tree_of(self.process.pid)
        self.process.send_signal(signal.SIGINT)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        for process in below:
            try:
                os.kill(process, signal.SIGKILL)
            except OSError:
                continue
        for reader in self.readers:
            reader.join(5)


def measured(training: Training, options: BenchOptions) -> dict[str, float]:
    """Warm a training up and measure it: steps per wall second, CPU-us a step, cores in use by others.

    Raises:
        PeerFailed: It has ended, learned nothing, or its CPU time can not be read.
    """
    seconds, warmup = (2.0, 0.0) if options.quick else (options.seconds, options.warmup_seconds)
    training.wait(0.0)
    training.wait(warmup)

    def cpu_seconds() -> list[float]:
        own, everyone = tree_cpu_seconds(training.process.pid), machine_cpu_seconds()
        if own is None or everyone is None:
            training.require_life()
            raise PeerFailed(f"{training.name}: its CPU time can not be read, which needs Linux's /proc")
        return [own, everyone]

    before, start, steps = cpu_seconds(), time.perf_counter(), training.steps
    training.wait(seconds, least_steps=steps)
    wall, done = time.perf_counter() - start, training.steps - steps
    own, everyone = (after - first for after, first in zip(cpu_seconds(), before, strict=True))
    return {"rate": done / wall, "cpu": 1e6 * own / done, "cores": own / wall, "others": (everyone - own) / wall}


def networks() -> dict[str, Any]:
    """Describe the policy that all of them train, of which each has exactly this one."""
    policy, worlds = make_policy(), SituatedPaint(8)
    seen, _ = worlds.reset()
    inputs = inputs_of(torch.from_numpy(seen["canvas"]), torch.from_numpy(seen["situation"]), policy.spec)
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        policy.act(inputs, policy.initial_state(8))
    worlds.close()
    parameters = sum(each.numel() for each in policy.parameters())
    return {"parameters": parameters, "flops_of_a_step": counter.get_total_flops() // 8}


def bench(options: BenchOptions) -> Iterator[Figure]:
    """Yield steps per second and CPU-us per step of each peer, measured in turns, and ours against each."""
    folder = Path(options.peers_dir or Path.home() / ".cache" / "impasto" / "peers")
    pythons, failures = {}, {}
    chosen = {WHOLE: PEERS[WHOLE], POLICY: PEERS[POLICY]} if options.quick else PEERS
    for name, peer in chosen.items():
        try:
            pythons[name] = environment_of(name, peer, folder)
        except PeerFailed as error:
            failures[name] = str(error)
    found: dict[str, list[dict[str, float]]] = {name: [] for name in pythons}
    for _ in range(1 if options.quick else options.repeats):
        for name in [each for each in pythons if each not in failures]:
            data = (options.data_dir,) if options.data_dir and chosen[name].module == "ours" else ()
            training = Training(name, chosen[name], pythons[name], data)
            try:
                found[name].append(measured(training, options))
            except PeerFailed as error:
                failures[name] = str(error)
            finally:
                training.end()
    detail = {"canvases": settings().system.canvases, "cpus": available_cpus()} | networks()
    for name, turns in found.items():
        if not turns:
            continue
        columns = {key: [turn[key] for turn in turns] for key in turns[0]}
        more = detail | {
            "about": chosen[name].about,
            "cores_in_use": rounded(statistics.median(columns["cores"])),
            "cores_of_others": rounded(statistics.median(columns["others"])),
        }
        yield figure(f"peers, {name}", statistics.median(columns["rate"]), "steps/s", **more, **spread(columns["rate"]))
        cpu = columns["cpu"]
        yield figure(f"peers, {name}, CPU", statistics.median(cpu), "CPU-us/step", **more, **spread(cpu))
    for ours in (WHOLE, POLICY):
        for name, turns in found.items():
            if name in (WHOLE, POLICY) or not turns or len(turns) != len(found[ours]):
                continue
            for key, unit in (("rate", "times its steps/s"), ("cpu", "of its CPU-us/step")):
                ratio = median_ratio([t[key] for t in found[ours]], [t[key] for t in turns])
                yield figure(f"peers, {ours} against {name}, {unit}", ratio, "times", repeats=len(turns))
    for name, why in failures.items():
        print(f"impasto: bench peers: {name} left out: {why}", file=sys.stderr, flush=True)
