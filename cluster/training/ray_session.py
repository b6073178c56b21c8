"""This process's connection with Ray: a private Ray or a cluster, and Ray's chatter kept off the terminal."""

from __future__ import annotations

import contextlib
import faulthandler
import logging
import os
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import ray
from ray._private import services

from cluster.errors import UserError
from cluster.training.cpus import available_cpus
from cluster.training.private_ray import private_surroundings

#: Seconds in which a cluster must answer.
CONNECT_SECONDS = 30.0
#: Attempts at starting a private Ray. Its raylet ends itself if its agents, Python programs, take more than 15 s.
STARTS = 5
#: Seconds that one attempt may take. Ray itself gives its processes 30: too few for a very busy machine.
START_SECONDS = 180.0


def start_ray(address: str = "", cpus: int = 0) -> None:
    """Join the Ray cluster at `address` (or $RAY_ADDRESS), or start a private one with at least `cpus` CPUs.

    Ray picks free ports on 127.0.0.1 for a private cluster; Redis's 6379 stays free. Its processes are shielded from
    the signals that end a run: the driver needs them to write its last checkpoint, and ends them itself.

    Raises:
        UserError: Nobody answers at the address, or this machine is too busy to start Ray.
    """
    if ray.is_initialized():
        return
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    root = str(Path(__file__).parents[2])
    # Ray puts the interpreter's path into a shell line as it is, where one with a space is two words.
    environment: dict[str, Any] = {"env_vars": {"PYTHONPATH": root}, "py_executable": shlex.quote(sys.executable)}
    if is_joined(address):
        wait_for_cluster(address or os.environ["RAY_ADDRESS"])
        # Inside `ray job submit` the job has its working directory already.
        environment = {} if os.environ.get("RAY_JOB_CONFIG_JSON_ENV_VAR") else {"working_dir": root}
        ray.init(address=address or None, logging_level=logging.ERROR, runtime_env=environment)
        return
    for attempt in range(STARTS):
        try:
            with shielded_processes() as started, patience(started), private_surroundings() as folder:
                ray.init(
                    address="local",  # without it, Ray joins whatever cluster `ray start` left on this machine
                    num_cpus=max(cpus, available_cpus()),
                    include_dashboard=False,
                    _temp_dir=str(folder),
                    logging_level=logging.ERROR,
                    log_to_driver=True,
                    runtime_env=environment,
                )
            return
        except Exception as error:  # Ray raises nothing more special
            if "timed out during startup" not in str(error):
                raise
            ray.shutdown()
            for process in started:  # Ray forgets what it has started if it does not come up
                process.kill()
                process.wait()
            if attempt == STARTS - 1:
                said = " ".join(str(error).split())[:200]
                raise UserError(
                    f"Ray did not start in {STARTS} attempts on a machine that is too busy: {said}"
                ) from error


@contextlib.contextmanager
def patience(started: Sequence[subprocess.Popen[Any]] = (), seconds: float = START_SECONDS) -> Iterator[None]:
    """Give Ray's processes longer to start inside this block than Ray does.

    Ray gives up after 30 s, and an attempt that is made anew makes a busy machine busier.

    Args:
        started: The processes, as they are started; if a raylet among them has ended, nothing is waited for.
        seconds: The time that they have.
    """
    original: Any = services.get_node

    def get_node(*given: Any, **named: Any) -> Any:
        deadline = time.monotonic() + seconds
        while True:
            try:
                return original(*given, **named)
            except RuntimeError:  # it is not there yet
                gone = any(is_ray(process.args, "raylet") and process.poll() is not None for process in started)
                if gone or time.monotonic() > deadline:
                    raise
                time.sleep(0.5)

    services.get_node = get_node
    try:
        yield
    finally:
        services.get_node = original


def is_joined(address: str) -> bool:
    """Tell whether a run with this `--address` joins a cluster, or else has a private Ray."""
    return bool(address or os.environ.get("RAY_ADDRESS"))


def wait_for_cluster(address: str, seconds: float = CONNECT_SECONDS) -> None:
    """Wait until something listens at the address of a cluster; Ray itself would wait for ten minutes in silence.

    Raises:
        UserError: Nothing does.
    """
    host, colon, port = address.rpartition("://")[2].partition("/")[0].rpartition(":")
    if not colon or not port.isdigit():  # "auto"
        return
    deadline = time.monotonic() + seconds
    while True:
        try:
            socket.create_connection((host.strip("[]"), int(port)), timeout=max(0.1, min(5.0, seconds))).close()
            return
        except (OSError, OverflowError) as error:
            if time.monotonic() > deadline or isinstance(error, OverflowError | socket.gaierror):
                raise UserError(f"--address: no Ray cluster answers at {address}: {error}") from error
            time.sleep(0.5)


@contextlib.contextmanager
def shielded_processes() -> Iterator[list[subprocess.Popen[Any]]]:
    """Start Ray's processes inside this block in sessions of their own, and have raylet and GCS block SIGTERM.

    SLURM, systemd, `timeout` and a closed terminal send their signal to all that descends from the driver, or to its
    process group. Workers inherit the raylet's mask.

    Yields:
        The processes, as they are started.
    """
    original = services.ConsolePopen
    started: list[subprocess.Popen[Any]] = []

    def start(command: list[str], **options: Any) -> Any:
        prepare = options.get("preexec_fn")

        def prepare_and_block() -> None:
            if prepare is not None:
                prepare()
            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGHUP, signal.SIGINT})

        if is_ray(command, "raylet", "gcs_server"):
            options["preexec_fn"] = prepare_and_block
        process: Any = original(command, start_new_session=True, **options)
        started.append(process)
        return process

    services.ConsolePopen = start  # type: ignore[misc, assignment]
    try:
        yield started
    finally:
        services.ConsolePopen = original  # type: ignore[misc]


def is_ray(command: Any, *names: str) -> bool:
    """Tell whether a command is one of Ray's programs."""
    return Path(command[0]).name in names


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
