"""Commands of `impasto` as jobs of a Ray cluster: the checkout travels, its size checked first, logs come back."""

from __future__ import annotations

import asyncio
import logging
import os
import shlex
import tempfile
import warnings
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO
from urllib.parse import urlsplit

import aiohttp
from ray._private.runtime_env.packaging import create_package
from ray.exceptions import RayError
from ray.job_submission import JobStatus, JobSubmissionClient
from ray.util.state import list_nodes
from ray.util.state.exception import RayStateApiException

from cluster.cli.submitted_paths import left_behind
from cluster.dashboard.access import is_loopback
from cluster.errors import UserError, one_line

REPOSITORY = Path(__file__).parents[2]

#: Ray lists no more; without a limit it lists 100 and the head may not be among them.
MOST_NODES = 10_000

#: Errors of Ray's client when something else answers at the address.
NO_SUCH_SERVER = (ValueError, KeyError, TypeError, AttributeError, IndexError)

#: How long to wait before a log that broke off is read again.
AGAIN_SECONDS = 1.0

#: Exit status of `impasto submit` by how the job ended.
STATUSES = {JobStatus.SUCCEEDED: 0, JobStatus.FAILED: 1, JobStatus.STOPPED: 130}


@dataclass(frozen=True)
class Upload:
    """The files that travel with a job.

    Attributes:
        size: bytes of the package.
        names: paths of the files, below the checkout.
    """

    size: int
    names: frozenset[str]


def check_upload(folder: Path, megabytes: float) -> Upload:
    """Pack `folder` as Ray does (without what .gitignore and .rayignore name) and look at its size.

    Raises:
        UserError: more than `megabytes`; names the largest files.
    """
    with tempfile.TemporaryDirectory() as scratch:
        package = Path(scratch) / "package.zip"
        create_package(str(folder), package, include_gitignore=True)
        size = package.stat().st_size
        with zipfile.ZipFile(package) as archive:
            members = archive.infolist()
        if size > megabytes * 1e6:
            largest = sorted(members, key=lambda info: -info.compress_size)[:3]
            names = ", ".join(f"{info.filename} ({info.compress_size / 1e6:.1f} MB)" for info in largest)
            raise UserError(
                f"submit: {size / 1e6:.1f} MB would be uploaded, more than --megabytes {megabytes:g}; the largest are "
                f"{names}: name them in .rayignore"
            )
    return Upload(size, frozenset(info.filename for info in members))


def entrypoint(arguments: Sequence[str]) -> str:
    """The job's command. The shell becomes Python, so that a signal reaches the driver once.

    Raises:
        UserError: no command.
    """
    if not arguments:
        raise UserError("submit: no command; for example: impasto submit -- train mnist")
    return "exec python -m cluster " + shlex.join(arguments)


def check_head_takes_no_work(address: str) -> None:
    """The job's driver goes wherever there is a CPU; make sure that this is not the head node.

    Another node may come later: the job waits for it, as it does on a cluster that starts nodes when they are wanted.

    Raises:
        UserError: the head offers CPUs.
    """
    nodes = list_nodes(address=address, filters=[("state", "=", "ALIVE")], limit=MOST_NODES)
    for node in nodes:
        cpus = float((node.resources_total or {}).get("CPU", 0))
        if node.is_head_node and cpus:
            raise UserError(
                f"submit: --driver-on-workers, but the head node offers {cpus:g} CPUs and may get the driver; start it "
                "with --num-cpus 0"
            )


def client_for(address: str) -> JobSubmissionClient:
    """A connection to the cluster's job server.

    Raises:
        UserError: it does not answer.
    """
    try:
        return JobSubmissionClient(address or None)
    except (ConnectionError, RuntimeError, ValueError, RayError, *NO_SUCH_SERVER) as error:
        message = one_line(error)
        raise UserError(
            f"submit: no Ray job server at {address or 'the default address'}: {message}; give --address "
            "http://HEAD:8265, and RAY_AUTH_MODE=token with RAY_AUTH_TOKEN where the cluster wants a token"
        ) from error


def warn_of_readable_token(address: str) -> None:
    """Warn if Ray's token would go to another machine by plain http."""
    try:
        parts = urlsplit(address)
        plain = parts.scheme == "http" and not is_loopback(parts.hostname or "")
    except ValueError:  # no address; said when it is used
        return
    if plain and os.environ.get("RAY_AUTH_MODE") == "token":
        warnings.warn(
            f"the token travels readably by http to {parts.hostname}: give an https:// address, or forward its port by "
            "`ssh -L` or `kubectl port-forward` and give http://127.0.0.1:PORT",
            stacklevel=2,
        )


@contextmanager
def job_server_errors(address: str) -> Iterator[None]:
    """Turn a refusal of the job server, or its absence, into one line; around calls of Ray's client, and these alone.

    The client raises RuntimeErrors and OSErrors, and whatever its reading of an answer raises that is no job server's.
    """
    try:
        yield
    except (RuntimeError, OSError, aiohttp.ClientError, RayError, RayStateApiException, *NO_SUCH_SERVER) as error:
        message = one_line(error)
        raise UserError(f"submit: the job server {address or 'at the default address'}: {message}") from error


def submit(
    arguments: Sequence[str],
    *,
    address: str,
    driver_on_workers: bool,
    driver_gpus: float,
    megabytes: float,
    stop_seconds: int,
    follow: bool,
    output: TextIO,
) -> int:
    """Submit a command and follow it; see `cluster.cli.arguments.tools.Submit` for the arguments.

    Returns:
        The exit status: 0 succeeded (or submitted, without `follow`), 1 failed, 130 stopped.
    """
    command = entrypoint(arguments)
    logging.getLogger("ray").setLevel(logging.ERROR)  # it tells three times what it leaves out of the package
    upload = check_upload(REPOSITORY, megabytes)
    for sentence in left_behind(arguments, REPOSITORY, upload.names):
        warnings.warn(f"submit: {sentence}", stacklevel=2)
    warn_of_readable_token(address)
    client = client_for(address)
    with job_server_errors(address):
        if driver_on_workers:
            check_head_takes_no_work(client.get_address())
        job = client.submit_job(
            entrypoint=command,
            runtime_env={
                "working_dir": str(REPOSITORY),
                # How long Ray waits between SIGTERM and SIGKILL: a checkpoint is written meanwhile.
                "env_vars": {"RAY_JOB_STOP_WAIT_TIME_S": str(stop_seconds)},
            },
            entrypoint_num_cpus=1 if driver_on_workers else None,
            entrypoint_num_gpus=driver_gpus or None,
            metadata={"impasto": arguments[0]},
        )
    print(f"job {job}: {upload.size / 1e6:.1f} MB uploaded; {command.removeprefix('exec ')}", file=output, flush=True)
    if not follow:
        print(f"follow: ray job logs {job} --follow; stop: ray job stop {job}", file=output)
        return 0
    return Follower(client, job, output, address).run()


class Follower:
    """Prints a job's log until it ends; Ctrl-C stops the job, which writes a checkpoint first."""

    def __init__(self, client: JobSubmissionClient, job: str, output: TextIO, address: str) -> None:
        self.client = client
        self.job = job
        self.output = output
        self.address = address
        self.printed = 0

    def run(self) -> int:
        """Follow to the end; returns the exit status."""
        try:
            asyncio.run(self.tail())
        except KeyboardInterrupt:
            print(f"stopping job {self.job}; Ctrl-C again leaves it to itself", file=self.output, flush=True)
            with job_server_errors(self.address):
                self.client.stop_job(self.job)
            asyncio.run(self.tail())
        status = self.status()
        print(f"job {self.job}: {status}", file=self.output)
        return STATUSES.get(status, 1)

    def status(self) -> JobStatus:
        """Ask how the job is; a UserError says that the job server does not answer."""
        with job_server_errors(self.address):
            return self.client.get_job_status(self.job)

    async def tail(self) -> None:
        """Print what was not printed yet, until the job has ended; the connection may end sooner, and is made again."""
        while True:
            with suppress(RuntimeError, aiohttp.ClientError):  # a lasting cause shows when the status is asked for
                await self.tail_once()
            if self.status().is_terminal():
                return
            await asyncio.sleep(AGAIN_SECONDS)

    async def tail_once(self) -> None:
        """Print what was not printed yet, until the log ends. It comes from its beginning each time."""
        seen = 0
        async for text in self.client.tail_job_logs(self.job):
            fresh = text[max(0, self.printed - seen) :]
            seen += len(text)
            if fresh:
                self.printed = max(self.printed, seen)
                print(fresh, end="", file=self.output, flush=True)
