"""Commands of the dashboard: dashboard, export."""

from __future__ import annotations

import errno
import socket
import sys
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cluster.cli.arguments.tools import Dashboard, Export
from cluster.dashboard.access import is_loopback
from cluster.dashboard.export import export as write
from cluster.dashboard.remote import RemoteRuns
from cluster.dashboard.server import bind, serve
from cluster.errors import UserError, one_line
from cluster.runs.remote import RemoteFolder
from cluster.runs.uri import is_uri


def dashboard(chosen: Dashboard) -> int:
    """Run `impasto dashboard`."""
    if not is_loopback(chosen.host) and not chosen.token:
        raise UserError(f"dashboard: --host {chosen.host} can be reached from other machines: give --token a secret")
    if not is_uri(chosen.runs) and not Path(chosen.runs).is_dir():
        raise UserError(f"dashboard: {chosen.runs} is not a folder: give the folder that holds the runs")
    if not is_loopback(chosen.host):
        warnings.warn(
            f"the token and all pages travel readably by http to and from {chosen.host}: put a proxy with https in "
            "front, or listen on 127.0.0.1 and come by `ssh -L`",
            stacklevel=2,
        )
    with listening(chosen.host, chosen.port) as at, local_copy(chosen.runs) as (root, storage):
        address, port = at.getsockname()[:2]
        shown = f"[{address}]" if ":" in address else address
        print(f"http://{shown}:{port}/" + ("   (append ?token=...)" if chosen.token else ""), flush=True)
        serve(root, at, chosen.token, storage)
    return 0


@contextmanager
def local_copy(runs: str) -> Iterator[tuple[Path, str]]:
    """The folder to show, and the address that it is a copy of, if `runs` is one.

    Raises:
        UserError: the storage can not be read.
    """
    if not is_uri(runs):
        yield Path(runs), ""
        return
    remote = RemoteFolder(runs)
    with tempfile.TemporaryDirectory(prefix="impasto-dashboard-") as folder:
        copy = RemoteRuns(remote, Path(folder) / (remote.name or "runs"))
        try:
            copy.look()
        except OSError as error:
            raise UserError(f"dashboard: {remote.uri} can not be read: {one_line(error)}") from error
        print(f"{remote.uri}: {len(copy.known)} files, {copy.traffic / 1e6:.1f} MB", flush=True)
        copy.start()
        try:
            yield copy.local, remote.uri
        finally:
            copy.close()


def listening(host: str, port: int) -> socket.socket:
    """Make the socket that the server takes.

    Raises:
        UserError: the port is taken, or is not for this user.
    """
    try:
        return bind(host, port)
    except OSError as error:
        if error.errno not in (errno.EADDRINUSE, errno.EACCES):
            raise
        cause = "is in use" if error.errno == errno.EADDRINUSE else "is not for this user"
        raise UserError(f"dashboard: port {port} of {host} {cause}: --port 0 takes a free one") from None


def export(chosen: Export) -> int:
    """Run `impasto export`."""
    if not Path(chosen.runs).is_dir():
        raise UserError(f"export: {chosen.runs} is not a folder: give the folder that holds the runs")
    count = write(Path(chosen.runs), Path(chosen.out), chosen.paintings, lambda line: print(line, file=sys.stderr))
    print(f"{count} files: {Path(chosen.out) / 'index.html'}")
    return 0
