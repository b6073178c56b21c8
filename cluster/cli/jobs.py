"""Commands for clusters: submit, scale."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import tyro

from cluster.cli.parse import parse


@dataclass(frozen=True)
class Submit:
    """Run a command of impasto as a job of a Ray cluster: ``impasto submit [OPTIONS] -- train mnist --actors 8``.

    This checkout travels with it; logs come back. Ctrl-C stops the job, which writes a checkpoint first.

    Attributes:
        address: the cluster's job server, ``http://HEAD:8265``; Ray's default if not given.
        driver_on_workers: keep the driver off the head node, which must offer no CPUs.
        driver_gpus: GPUs for the driver, for learners that learn in it.
        megabytes: upload no more than this.
        stop_seconds: how long a stopped job may take for its checkpoint before it is killed.
        detach: submit only, and do not wait for the end.
    """

    address: str = ""
    driver_on_workers: bool = False
    driver_gpus: float = 0.0
    megabytes: float = 20.0
    stop_seconds: int = 60
    detach: bool = False


@dataclass(frozen=True)
class Scale:
    """Change the number of actors of a run that is training.

    Attributes:
        run: its folder, its address on shared storage, or its name on a cluster.
        actors: how many there should be from now on.
        address: the Ray cluster that it trains on, where its folder can not be seen from here.
        seconds: how long to wait for its answer.
    """

    run: Annotated[str, tyro.conf.Positional]
    actors: Annotated[int, tyro.conf.Positional]
    address: str = ""
    seconds: float = 60.0


def submit(arguments: Sequence[str]) -> int:
    """``impasto submit``."""
    given = list(arguments)
    place = given.index("--") if "--" in given else len(given)
    chosen = parse(Submit, given[:place], "submit", usage="[OPTIONS] -- COMMAND")
    from cluster.cli import job_submission as jobs

    return jobs.submit(
        given[place + 1 :],
        address=chosen.address,
        driver_on_workers=chosen.driver_on_workers,
        driver_gpus=chosen.driver_gpus,
        megabytes=chosen.megabytes,
        stop_seconds=chosen.stop_seconds,
        follow=not chosen.detach,
        output=sys.stdout,
    )


def scale(arguments: Sequence[str]) -> int:
    """``impasto scale``."""
    chosen = parse(Scale, arguments, "scale")
    from cluster.training.scale import scale as order

    print(order(chosen.run, chosen.actors, chosen.address, chosen.seconds))
    return 0
