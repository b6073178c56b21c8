"""Copy of a run folder on shared storage: written in the background, and fetched to resume.

Training writes to a local folder, whose files it locks, appends to and renames; object stores can do none of that. The
copy follows after every checkpoint. Any address that pyarrow knows serves: `s3://`, `gs://`, `hdfs://`, `file://`.
"""

from __future__ import annotations

import contextlib
import shutil
import threading
import time
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from pyarrow.fs import FileInfo, FileSelector, FileSystem, FileType, copy_files

from cluster.errors import UserError, one_line
from cluster.runs import manifests
from cluster.runs.lease import FOLDER, Lease
from cluster.runs.redaction import without_password
from cluster.runs.uri import bounded
from envs.data_files import replace_folder, write_atomically
from envs.untrusted import read_json

POLL_SECONDS = 5.0
#: For a copy that is going on to end.
CLOSE_SECONDS = 30.0
#: File systems that have no folders. Making one may need rights that a key for a single prefix does not have.
OBJECT_STORES = ("s3", "gcs", "abfs")
LISTINGS = 5  # tries to list a folder that changes meanwhile
ORDER, ANSWER = "order.json", "answer.json"


class RemoteFolder:
    """A folder on shared storage.

    Raises:
        UserError: pyarrow does not know such an address, or can not reach it; or it holds a password, which would
            appear in files and messages.
    """

    def __init__(self, uri: str) -> None:
        if (shown := without_password(uri)) != uri:
            raise UserError(
                f"{shown}: an address with a password is not taken: leave it out and give it by the environment "
                "(AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY for s3://)"
            )
        self.uri = uri.rstrip("/")
        try:
            self.filesystem, self.base = FileSystem.from_uri(bounded(self.uri))
        except (ValueError, OSError) as error:
            raise UserError(f"{uri}: not a folder that can be reached: {one_line(error)}") from error

    @property
    def name(self) -> str:
        """Its last part."""
        return PurePosixPath(self.base).name

    def path(self, relative: str) -> str:
        """Return the path of one of its files in the file system."""
        return f"{self.base}/{relative}"

    def files(self, folder: str = "") -> dict[str, FileInfo]:
        """List all its files, or those of a folder in it, by their path relative to it."""
        selector = FileSelector(self.path(folder).rstrip("/"), allow_not_found=True, recursive=True)
        for attempt in range(LISTINGS):
            try:
                found = self.filesystem.get_file_info(selector)
                break
            except FileNotFoundError:  # made, or a part of it removed, by another process while it was listed
                if attempt == LISTINGS - 1:
                    raise
        return {info.path[len(self.base) :].lstrip("/"): info for info in found if info.type == FileType.File}

    def read(self, relative: str) -> bytes | None:
        """Read a small file; None if there is none."""
        path = self.path(relative)
        if self.filesystem.get_file_info(path).type != FileType.File:
            return None
        with self.filesystem.open_input_stream(path) as stream:
            return bytes(stream.read())

    def write(self, relative: str, content: bytes) -> None:
        """Replace a small file."""
        path = self.path(relative)
        if self.filesystem.type_name not in OBJECT_STORES:
            self.filesystem.create_dir(path.rpartition("/")[0], recursive=True)
        with self.filesystem.open_output_stream(path) as stream:
            stream.write(content)

    def delete(self, relative: str) -> None:
        """Remove a file, if it is there."""
        path = self.path(relative)
        if self.filesystem.get_file_info(path).type == FileType.File:
            self.filesystem.delete_file(path)

    def checkpoints(self) -> list[str]:
        """List the names of its complete checkpoints, oldest first."""
        return complete_checkpoints(self.files())

    def fetch(self, local: Path) -> None:
        """Copy everything to `local`, which is replaced when the copy is complete.

        Raises:
            UserError: There is no run here.
        """
        files = {name: info for name, info in self.files().items() if not name.startswith(FOLDER)}
        if "config.json" not in files:
            raise UserError(f"{self.uri} holds no run: it has no config.json")
        coming = local.with_name(f".{local.name}.coming")
        shutil.rmtree(coming, ignore_errors=True)
        for relative in files:
            target = coming / relative
            if not target.resolve().is_relative_to(coming.resolve()):
                raise UserError(f"{self.uri} holds a file of a name that leads out of it: {relative}")
            target.parent.mkdir(parents=True, exist_ok=True)
            copy_files(self.path(relative), str(target), source_filesystem=self.filesystem)
        replace_folder(coming, local)


def is_copy_of(origin: Path, remote: RemoteFolder) -> bool:
    """Tell whether a local folder's `origin.json` names this address."""
    try:
        return bool(read_json(origin) == {"uri": remote.uri})
    except (OSError, ValueError):
        return False


def complete_checkpoints(files: Iterable[str]) -> list[str]:
    """List the checkpoints whose manifests are among a run's files, oldest first."""
    paths = [PurePosixPath(name) for name in files]
    names = {path.parent.name for path in paths if path.parts[0] == "checkpoints" and path.name == manifests.MANIFEST}
    return sorted(filter(manifests.is_name, names), key=manifests.order)


class Mirror:
    """Copies a local run folder to shared storage in a thread, and fetches resize requests from there.

    Attributes:
        trouble: The error of the last copy in one line; empty if it succeeded.
        lost: Whether another driver has taken over the folder: then nothing more is copied.
    """

    def __init__(self, local: Path, remote: RemoteFolder, lease: Lease | None = None) -> None:
        """Start the thread.

        Args:
            local: The run folder.
            remote: Its folder on shared storage.
            lease: The right to write there; None if nobody else can.
        """
        self.local = local
        self.remote = remote
        self.lease = lease
        self.own = {path.relative_to(local).as_posix() for path in local.glob("checkpoints/*/*")}
        self.trouble = ""
        self.copied: dict[str, tuple[int, int]] = {}
        self.due = threading.Event()
        self.ending = threading.Event()
        self.thread = threading.Thread(target=self.follow, name="mirror", daemon=True)
        self.thread.start()

    @property
    def lost(self) -> bool:
        """True if another driver has taken over the folder."""
        return self.lease is not None and self.lease.lost

    def request(self) -> None:
        """Copy changed files soon."""
        self.due.set()

    def close(self, seconds: float = 0.0, *, copy: bool = True) -> None:
        """End the thread; with `copy`, copy changed files now. Give the lease back.

        Args:
            seconds: Time for further attempts if the first one fails.
            copy: Whether there is something worth copying.

        Raises:
            UserError: All failed; the local folder holds everything.
        """
        deadline = time.monotonic() + seconds
        self.ending.set()
        self.due.set()
        self.thread.join(max(seconds, CLOSE_SECONDS))
        self.attempt(copy=copy)
        while self.trouble and not self.lost and time.monotonic() < deadline:
            time.sleep(1.0)
            self.attempt(copy=copy)
        if self.trouble:
            raise UserError(
                f"{self.remote.uri} could not be brought up to date: {self.trouble}; all is in {self.local}"
            )
        if self.lease is not None:
            with contextlib.suppress(Exception):  # the next driver then waits until it is old
                self.lease.release()

    def follow(self) -> None:
        """Copy when requested, and look for resize requests; runs in the thread."""
        while not self.ending.is_set():
            asked = self.due.wait(POLL_SECONDS)
            if self.ending.is_set():
                return
            self.due.clear()
            self.attempt(copy=asked or bool(self.trouble), requests=True)

    def attempt(self, *, copy: bool = True, requests: bool = False) -> None:
        """Copy files and exchange requests, and note an error: the next attempt repairs it."""
        if self.lost:  # the trouble is known, and stays
            return
        problems: list[str] = []
        for wanted, work in ((True, self.keep_lease), (copy, self.copy), (requests, self.exchange_requests)):
            if wanted and not self.lost:
                try:
                    work()
                except Exception as error:  # whatever it is, the thread must live and the run hear of it
                    problems.append(one_line(error))
        self.trouble = problems[0] if problems else ""

    def keep_lease(self) -> None:
        """Renew the lease if that is due.

        Raises:
            LeaseLost: Another driver has taken over.
        """
        if self.lease is not None:
            self.lease.keep()

    def copy(self) -> None:
        """Copy the files that changed since the last call; then remove own checkpoints that are gone here."""
        present = {
            path.relative_to(self.local).as_posix(): path
            for path in self.local.rglob("*")
            if path.is_file() and not any(part.startswith(".") for part in path.relative_to(self.local).parts)
        }
        for name in (ORDER, ANSWER):
            present.pop(name, None)
        # A checkpoint is complete when its manifest is there.
        for relative, path in sorted(present.items(), key=lambda item: item[0].endswith(manifests.MANIFEST)):
            try:
                status = path.stat()
                state = status.st_size, status.st_mtime_ns
                if self.copied.get(relative) == state:
                    continue
                self.keep_lease()
                self.remote.write(relative, path.read_bytes())
            except FileNotFoundError:
                if path.exists():
                    raise
                continue  # pruned meanwhile
            self.copied[relative] = state
            if relative.startswith("checkpoints/"):
                self.own.add(relative)
        gone = sorted(relative for relative in self.own if not (self.local / relative).exists())
        for relative in sorted(gone, key=lambda name: not name.endswith(manifests.MANIFEST)):  # incomplete from then on
            self.keep_lease()
            self.remote.delete(relative)
            self.copied.pop(relative, None)
            self.own.discard(relative)

    def exchange_requests(self) -> None:
        """Bring a resize request from shared storage to the driver, and its answer back."""
        order = self.remote.read(ORDER)
        if order is not None:
            self.remote.delete(ORDER)
            write_atomically(self.local / ORDER, order)
        answer = self.local / ANSWER
        if answer.exists() and (state := (0, answer.stat().st_mtime_ns)) != self.copied.get(ANSWER):
            self.remote.write(ANSWER, answer.read_bytes())
            self.copied[ANSWER] = state


def fetch_to_resume(remote: RemoteFolder, local: Path) -> None:
    """Copy a run from shared storage to `local`, unless that holds the same run and a newer checkpoint.

    The latter happens if a driver died before its last copy.

    Raises:
        UserError: There is no run at the address, or `local` holds another one.
    """
    origin = local / "origin.json"
    if local.exists() and any(local.iterdir()):
        if not is_copy_of(origin, remote):
            raise UserError(f"{local} holds something that is not a copy of {remote.uri}: move it away")
        there = remote.checkpoints()
        here = complete_checkpoints(path.relative_to(local).as_posix() for path in local.glob("checkpoints/*/*"))
        if here and (not there or manifests.order(here[-1]) >= manifests.order(there[-1])):
            return
    remote.fetch(local)
