"""Surroundings of a private Ray: loopback only, short socket paths, nothing of the environment that misleads it.

Ray looks at some of these when it is imported, and has no arguments for them; each is set around the start alone.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import patch

from ray._private import ray_constants

from cluster.errors import UserError

#: Bytes of a Unix socket's path, and of what Ray adds to its folder: `/ray/session_DATE_TIME_PID/sockets/plasma_store`.
LONGEST_SOCKET, ADDED = 107, 75
LOOPBACK = "127.0.0.1,localhost,::1"
SHORT_FOLDERS = ("/tmp", "/var/tmp", "/dev/shm")


@contextlib.contextmanager
def private_surroundings() -> Iterator[Path]:
    """Prepare this process for the start of a private Ray.

    Its processes find each other on 127.0.0.1, where nobody else reaches them, and which needs no route; they do so
    past an HTTP proxy; and the hook is off by which Ray, under `uv run`, makes an environment for each worker.

    Yields:
        The folder for Ray's files.

    Raises:
        UserError: No folder has a path that is short enough for Ray's sockets.
    """
    # Libraries prefer one spelling or the other; workers that are started later inherit both.
    given = os.environ.get("no_proxy") or os.environ.get("NO_PROXY") or ""
    around = given if LOOPBACK in given else ",".join(filter(None, (given, LOOPBACK)))
    os.environ.update(no_proxy=around, NO_PROXY=around)
    with (
        patch.object(ray_constants, "ENABLE_RAY_CLUSTER", False),  # Ray's own way to loopback, which macOS has
        patch.object(ray_constants, "RAY_ENABLE_UV_RUN_RUNTIME_ENV", False),
    ):
        yield ray_folder()


def ray_folder() -> Path:
    """Return the folder for Ray's files: $RAY_TMPDIR, $TMPDIR, or a shorter one if sockets can not be made there.

    Raises:
        UserError: All are too long, or can not be written.
    """
    wanted = os.environ.get("RAY_TMPDIR") or tempfile.gettempdir()
    for folder in (wanted, *SHORT_FOLDERS):
        if len(os.fsencode(os.path.realpath(folder))) + ADDED <= LONGEST_SOCKET and os.access(folder, os.W_OK):
            return Path(folder) / "ray"
    raise UserError(
        f"TMPDIR: Ray's sockets need a folder with a path of at most {LONGEST_SOCKET - ADDED} bytes, {wanted} is "
        "longer; set RAY_TMPDIR to a short one"
    )
