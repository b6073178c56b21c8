"""Runs on shared storage for the dashboard: a local copy of what pages show, kept up to date with bounded traffic."""

from __future__ import annotations

import os
import re
import sys
import threading
from pathlib import Path

from pyarrow.fs import FileInfo

from cluster.errors import one_line
from cluster.runs.remote import RemoteFolder

#: Between two looks at the storage.
POLL_SECONDS = 30.0
#: Bytes that one look brings at most; the rest comes with the next. Settings and metrics come before pictures.
BYTES_A_LOOK = 256 << 20
#: A larger file is left out; of a larger record, its beginning is.
LARGEST_PICTURE, LARGEST_RECORD = 32 << 20, 128 << 20
#: Files that pages show, the most important first: settings, records, checkpoints' manifests, pictures.
SHOWN = tuple(
    re.compile(rf"(?:.+/)?{pattern}")
    for pattern in (
        r"config\.json",
        r"(?:metrics|lineage|critics)\.jsonl",
        r"checkpoints/[^/]+/manifest\.json",
        r"samples/(?:[^/]+/)?[^/]+\.(?:png|npz)",
    )
)


class RemoteRuns:
    """A local copy of the runs below an address.

    Attributes:
        local: the folder of the copy.
        trouble: the error of the last look; empty if it succeeded.
        traffic: bytes brought so far.
    """

    def __init__(self, remote: RemoteFolder, local: Path) -> None:
        self.remote, self.local = remote, local
        self.known: dict[str, tuple[int, int]] = {}
        self.trouble, self.traffic = "", 0
        self.ending = threading.Event()
        self.thread = threading.Thread(target=self.follow, name="remote runs", daemon=True)
        local.mkdir(parents=True, exist_ok=True)

    def start(self) -> None:
        """Look again and again, in a thread."""
        self.thread.start()

    def close(self) -> None:
        """End the thread."""
        self.ending.set()
        self.thread.join(POLL_SECONDS)

    def follow(self) -> None:
        """Look every `POLL_SECONDS`; trouble is told once, and the next look repairs it."""
        while not self.ending.wait(POLL_SECONDS):
            before = self.trouble
            try:
                self.look()
            except (OSError, ValueError) as error:  # pyarrow's errors about what it is given are ValueErrors
                self.trouble = one_line(error)
                if self.trouble != before:
                    print(f"warning: {self.remote.uri}: {self.trouble}; trying again", file=sys.stderr)

    def look(self) -> None:
        """List the storage once and bring what has changed.

        Raises:
            OSError: The storage does not answer.
        """
        there = {name: info for name, info in self.remote.files().items() if rank(name) < len(SHOWN)}
        left = BYTES_A_LOOK
        # Of one rank, the newest first: pictures of a training that runs before those of years ago.
        for name in sorted(there, key=lambda each: (rank(each), -(there[each].mtime_ns or 0))):
            info = there[name]
            state = info.size, info.mtime_ns or 0
            if self.known.get(name) == state:
                continue
            target = self.local / name
            if not target.resolve().is_relative_to(self.local.resolve()):
                continue
            try:
                brought = self.bring(name, info, target, left)
            except FileNotFoundError:  # removed since
                continue
            if brought is None:
                break
            left -= brought
            self.traffic += brought
            self.known[name] = state
        for name in self.known.keys() - there.keys():
            (self.local / name).unlink(missing_ok=True)
            del self.known[name]
        self.trouble = ""

    def bring(self, name: str, info: FileInfo, target: Path, left: int) -> int | None:
        """Copy a file, of a record only what was added; returns the bytes, or None if they are more than `left`."""
        record = name.endswith(".jsonl")
        had = self.known.get(name, (0, 0))[0]
        offset = had if record and had <= info.size and target.exists() else 0
        size: int = info.size - offset
        if size > (LARGEST_RECORD if record else LARGEST_PICTURE):
            if not record:
                return 0
            offset, size = info.size - LARGEST_RECORD, LARGEST_RECORD
        if size > left:
            return None
        with self.remote.filesystem.open_input_file(self.remote.path(name)) as file:
            file.seek(offset)
            content = bytes(file.read(size))
        target.parent.mkdir(parents=True, exist_ok=True)
        if offset and offset == had:
            with target.open("ab") as added:
                added.write(content)
        else:
            if offset:  # a record without its beginning starts with a whole line
                content = content[content.find(b"\n") + 1 :]
            whole = target.with_name(f".{target.name}.coming")
            whole.write_bytes(content)
            whole.replace(target)
        if info.mtime_ns:
            os.utime(target, ns=(info.mtime_ns, info.mtime_ns))  # by which pages tell whether a run trains
        return size


def rank(name: str) -> int:
    """Rank of a file by its importance to pages: 0 is the most important, `len(SHOWN)` for those not shown at all."""
    if any(part.startswith(".") for part in name.split("/")):
        return len(SHOWN)
    return next((place for place, pattern in enumerate(SHOWN) if pattern.fullmatch(name)), len(SHOWN))
