"""A run folder that also lies on shared storage: copied there in the background, and fetched from there.

Training writes to a local folder, whose files it locks, appends to and renames; object stores can do none of that. The
copy follows after every checkpoint. Any address that pyarrow knows serves: ``s3://``, ``gs://``, ``hdfs://``, ``file://``.
"""

from __future__ import annotations

import json
import re
import shutil
import threading
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from pyarrow.fs import FileInfo, FileSelector, FileSystem, FileType, copy_files

from cluster.errors import UserError, one_line
from cluster.runs import manifests
from cluster.runs.redaction import without_password
from envs.data_files import write_atomically

POLL_SECONDS = 5.0
LISTINGS = 5  # tries to list a folder that changes meanwhile
ORDER, ANSWER = "order.json", "answer.json"


def is_uri(text: str) -> bool:
    """Whether ``text`` is an address like ``s3://bucket/run`` and not a path."""
    return re.match(r"[a-z][a-z0-9+.-]+://", text) is not None


class RemoteFolder:
    """A folder on shared storage.

    Raises:
        UserError: pyarrow does not know such an address, or can not reach it; or it holds a password, which would then
            stand in files and messages.
    """

    def __init__(self, uri: str) -> None:
        if (shown := without_password(uri)) != uri:
            raise UserError(
                f"{shown}: an address with a password is not taken: leave it out and give it by the environment "
                "(AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY for s3://)"
            )
        self.uri = uri.rstrip("/")
        try:
            self.filesystem, self.base = FileSystem.from_uri(self.uri)
        except (ValueError, OSError) as error:
            raise UserError(f"{uri}: not a folder that can be reached: {one_line(error)}") from error

    @property
    def name(self) -> str:
        """Its last part."""
        return PurePosixPath(self.base).name

    def path(self, relative: str) -> str:
        """Where a file of it lies in its file system."""
        return f"{self.base}/{relative}"

    def files(self) -> dict[str, FileInfo]:
        """All its files by their path relative to it."""
        selector = FileSelector(self.base, allow_not_found=True, recursive=True)
        for attempt in range(LISTINGS):
            try:
                found = self.filesystem.get_file_info(selector)
                break
            except FileNotFoundError:  # made, or a part of it removed, by another process while it was listed
                if attempt == LISTINGS - 1:
                    raise
        return {info.path[len(self.base) :].lstrip("/"): info for info in found if info.type == FileType.File}

    def read(self, relative: str) -> bytes | None:
        """A small file's contents; None where there is none."""
        path = self.path(relative)
        if self.filesystem.get_file_info(path).type != FileType.File:
            return None
        with self.filesystem.open_input_stream(path) as stream:
            return bytes(stream.read())

    def write(self, relative: str, content: bytes) -> None:
        """Replace a small file."""
        path = self.path(relative)
        self.filesystem.create_dir(path.rpartition("/")[0], recursive=True)
        with self.filesystem.open_output_stream(path) as stream:
            stream.write(content)

    def delete(self, relative: str) -> None:
        """Remove a file, if it is there."""
        path = self.path(relative)
        if self.filesystem.get_file_info(path).type == FileType.File:
            self.filesystem.delete_file(path)

    def checkpoints(self) -> list[str]:
        """Names of its complete checkpoints, oldest first."""
        return complete_checkpoints(self.files())

    def fetch(self, local: Path) -> None:
        """Copy everything to ``local``, which is emptied first.

        Raises:
            UserError: there is no run here.
        """
        files = self.files()
        if "config.json" not in files:
            raise UserError(f"{self.uri} holds no run: it has no config.json")
        if local.exists():
            shutil.rmtree(local)
        for relative in sorted(files, key=lambda name: name == "config.json"):  # last: a folder with one is a run
            target = local / relative
            target.parent.mkdir(parents=True, exist_ok=True)
            copy_files(self.path(relative), str(target), source_filesystem=self.filesystem)


def complete_checkpoints(files: Iterable[str]) -> list[str]:
    """Names of the checkpoints whose manifests are among a run's files, oldest first."""
    paths = [PurePosixPath(name) for name in files]
    names = {path.parent.name for path in paths if path.parts[0] == "checkpoints" and path.name == manifests.MANIFEST}
    return sorted(filter(manifests.is_name, names), key=manifests.order)


class Mirror:
    """Copies a local run folder to shared storage in a thread, and brings orders from there.

    Attributes:
        trouble: why the last copy did not succeed, one line; empty if it did.
    """

    def __init__(self, local: Path, remote: RemoteFolder) -> None:
        self.local = local
        self.remote = remote
        self.trouble = ""
        self.copied: dict[str, tuple[int, int]] = {}
        self.due = threading.Event()
        self.ending = threading.Event()
        self.thread = threading.Thread(target=self.follow, name="mirror", daemon=True)
        self.thread.start()

    def request(self) -> None:
        """Copy what has changed, soon."""
        self.due.set()

    def close(self) -> None:
        """Copy what has changed, now.

        Raises:
            UserError: that failed; the local folder holds everything.
        """
        self.ending.set()
        self.due.set()
        self.thread.join()
        self.attempt()
        if self.trouble:
            raise UserError(
                f"{self.remote.uri} could not be brought up to date: {self.trouble}; all is in {self.local}"
            )

    def follow(self) -> None:
        """The thread: copies when asked to, and looks for orders."""
        while not self.ending.is_set():
            asked = self.due.wait(POLL_SECONDS)
            if self.ending.is_set():
                return
            self.due.clear()
            self.attempt(copy=asked or bool(self.trouble), orders=True)

    def attempt(self, *, copy: bool = True, orders: bool = False) -> None:
        """Copy and exchange orders, and note what went wrong: the next attempt takes care of it."""
        problems = []
        for wanted, work in ((copy, self.copy), (orders, self.exchange_orders)):
            if wanted:
                try:
                    work()
                except Exception as error:  # whatever it is, the thread must live and the run hear of it
                    problems.append(one_line(error))
        self.trouble = problems[0] if problems else ""

    def copy(self) -> None:
        """Copy the files that changed since the last call; then remove checkpoints that are gone here."""
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
                self.remote.write(relative, path.read_bytes())
            except FileNotFoundError:
                if path.exists():
                    raise
                continue  # pruned meanwhile
            self.copied[relative] = state
        for relative in self.remote.files():
            if relative.startswith("checkpoints/") and not (self.local / relative).exists():
                self.remote.delete(relative)
                self.copied.pop(relative, None)

    def exchange_orders(self) -> None:
        """Bring an order that lies there to the driver, and its answer back."""
        order = self.remote.read(ORDER)
        if order is not None:
            self.remote.delete(ORDER)
            write_atomically(self.local / ORDER, order)
        answer = self.local / ANSWER
        if answer.exists() and (state := (0, answer.stat().st_mtime_ns)) != self.copied.get(ANSWER):
            self.remote.write(ANSWER, answer.read_bytes())
            self.copied[ANSWER] = state


def fetch_to_resume(remote: RemoteFolder, local: Path) -> None:
    """Bring a run from shared storage to ``local``, unless that holds the same run and a newer checkpoint: the driver
    may have died before its last copy.

    Raises:
        UserError: there is no run at the address, or ``local`` holds another one.
    """
    origin = local / "origin.json"
    if local.exists() and any(local.iterdir()):
        if not origin.exists() or json.loads(origin.read_text()) != {"uri": remote.uri}:
            raise UserError(f"{local} holds something that is not a copy of {remote.uri}: move it away")
        there = remote.checkpoints()
        here = complete_checkpoints(path.relative_to(local).as_posix() for path in local.glob("checkpoints/*/*"))
        if here and (not there or manifests.order(here[-1]) >= manifests.order(there[-1])):
            return
    remote.fetch(local)
