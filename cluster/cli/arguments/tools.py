"""Arguments of the commands around runs: dashboard, export, submit, scale, bench."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import Annotated, ClassVar

from annotated_types import Interval

from cluster.bench.options import BenchOptions
from cluster.bench.registry import BENCHES
from cluster.cli.parse import Positional
from envs.ranges import Count, Natural, NotNegative, Positive, check_ranges


@dataclass(frozen=True)
class Dashboard:
    """Show runs and populations in a browser. Reads their folders only: no Ray has to be alive.

    Attributes:
        runs: The folder that holds the runs, or one run, or one population. An address like `s3://bucket/runs` is read
            with bounded traffic: settings, metrics and pictures, no weights.
        host: Address to listen on. Any but a loopback address needs a token.
        port: Port to listen on; 0 takes a free one.
        token: Secret that a browser must bring, once, as `?token=...`; $IMPASTO_DASHBOARD_TOKEN if not given.
    """

    runs: Positional[str] = "runs"
    host: str = "127.0.0.1"
    port: Annotated[int, Interval(ge=0, le=65535)] = 8300
    token: str = field(default_factory=lambda: os.environ.get("IMPASTO_DASHBOARD_TOKEN", ""))

    def __post_init__(self) -> None:
        check_ranges(self)


@dataclass(frozen=True)
class Export:
    """Write the dashboard's pages as files, to be opened without a server.

    Attributes:
        runs: The folder that holds the runs, or one run, or one population.
        out: Folder for the pages; a new one.
        paintings: Paintings of each sheet that get a stroke theatre; each costs about 50 kB.
    """

    runs: Positional[str]
    out: str = "dashboard-export"
    paintings: Natural = 4

    def __post_init__(self) -> None:
        check_ranges(self)


@dataclass(frozen=True)
class Submit:
    """Run a command of impasto as a job of a Ray cluster: `impasto submit [OPTIONS] -- train mnist --actors 8`.

    This checkout travels with it; logs come back. Ctrl-C stops the job, which writes a checkpoint first.

    Attributes:
        command: Command of impasto and its arguments, after `--`.
        address: The cluster's job server, `http://HEAD:8265`; Ray's default if not given.
        driver_on_workers: Keep the driver off the head node, which must offer no CPUs.
        driver_gpus: GPUs for the driver, for learners that learn in it.
        megabytes: Upload no more than this.
        stop_seconds: Time that a stopped job may take for its checkpoint before it is killed.
        detach: Submit only, and do not wait for the end.
    """

    command: Positional[tuple[str, ...]] = ()
    address: str = ""
    driver_on_workers: bool = False
    driver_gpus: NotNegative = 0.0
    megabytes: Positive = 20.0
    stop_seconds: Natural = 60
    detach: bool = False

    def __post_init__(self) -> None:
        check_ranges(self)
        if not self.command:
            raise ValueError("no command; for example: impasto submit -- train mnist")


@dataclass(frozen=True)
class Scale:
    """Change the number of actors of a run that is training.

    Attributes:
        run: Its folder, its address on shared storage, or its name on a cluster.
        actors: Number of actors from now on.
        address: The Ray cluster that it trains on, if its folder can not be seen from here.
        seconds: Time to wait for its answer.
    """

    run: Positional[str]
    actors: Positional[Count]
    address: str = ""
    seconds: Positive = 60.0

    def __post_init__(self) -> None:
        check_ranges(self)


@dataclass(frozen=True)
class Bench:
    """Measure; prints one JSON line per figure.

    Attributes:
        names: Benchmarks to run, or `all`. Without names all but gpu, scale and peers, which take long and have needs
            of their own.
        options: How to measure.
    """

    epilog: ClassVar = "\n".join(["benchmarks:", *(f"  {name:<11}{about}" for name, about in BENCHES.items())])

    names: Positional[tuple[str, ...]] = ()
    options: BenchOptions = field(default_factory=BenchOptions)
