"""This process's connection with Ray: a private Ray or a cluster, and Ray's chatter kept off the terminal."""

from __future__ import annotations

import contextlib
import faulthandler
import logging
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import ray

from cluster.errors import UserError


def start_ray(address: str = "", cpus: int = 0) -> None:
    """Join the Ray cluster at `address` (or $RAY_ADDRESS), or start a private one with at least `cpus` CPUs.

    Ray picks free ports for a private cluster; Redis's 6379 stays free.
    """
    if ray.is_initialized():
        return
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    root = str(Path(__file__).parents[2])
    environment: dict[str, Any] = {"env_vars": {"PYTHONPATH": root}}
    if address or os.environ.get("RAY_ADDRESS"):
        # Inside `ray job submit` the job has its working directory already.
        environment = {} if os.environ.get("RAY_JOB_CONFIG_JSON_ENV_VAR") else {"working_dir": root}
        ray.init(address=address or None, logging_level=logging.ERROR, runtime_env=environment)
        return
    ray.init(
        address="local",  # without it, Ray joins whatever cluster `ray start` left on this machine
        num_cpus=max(cpus, os.cpu_count() or 1),
        include_dashboard=False,
        logging_level=logging.ERROR,
        log_to_driver=True,
        runtime_env=environment,
    )


@contextlib.contextmanager
def standard_error_to(path: Path) -> Iterator[None]:
    """Append standard error of this process and its native parts to `path`: Ray and RLlib greet with a page of hints.

    Whoever catches an exception prints it on the real one. If the block fails, the last lines of the file follow there,
    and if native code aborts the process, a traceback.
    """
    sys.stderr.flush()
    kept = os.dup(2)
    watches = not faulthandler.is_enabled()
    if watches:
        faulthandler.enable(kept)
    try:
        with path.open("ab") as file:
            begin = file.tell()
            os.dup2(file.fileno(), 2)
        yield
    except Exception as error:
        sys.stderr.flush()
        if not isinstance(error, UserError | ValueError):
            os.write(kept, last_lines(path, begin))
        raise
    finally:
        sys.stderr.flush()
        if watches:
            faulthandler.disable()
        os.dup2(kept, 2)
        os.close(kept)


def last_lines(path: Path, begin: int, count: int = 8) -> bytes:
    """Return the last lines of a file that were written after byte `begin`."""
    lines = path.read_bytes()[begin:].splitlines(keepends=True)
    return b"".join(lines[-count:])
