"""Files of JSON lines that may be growing: each line is read once."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from envs.untrusted import open_file, parse_json

# Bytes that are read together.
CHUNK = 1 << 23
# Numbers of this size are no measurements, and whole ones of it do not fit a float.
HUGE = 1e300


class Tail:
    """The complete lines that were added to a file since the last reading.

    Half a line at the end waits for its rest. A file that shrank or was replaced is read again from its start, and
    `generation` grows.

    Attributes:
        generation: times that reading started over.
        stamp: size and modification time when it was last checked; None before, and if there is no file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.generation = 0
        self.stamp: tuple[int, int] | None = None
        self._inode = -1
        self._offset = 0

    def has_changed(self) -> bool:
        """Return whether there may be new lines: compare size, time and identity with those of the last call."""
        try:
            status = self.path.stat()
            if not stat.S_ISREG(status.st_mode):  # a pipe would be waited for
                raise OSError
        except OSError:
            stamp, inode, size = None, -1, 0
        else:
            stamp, inode, size = (status.st_size, status.st_mtime_ns), status.st_ino, status.st_size
        if (stamp, inode) == (self.stamp, self._inode):
            return False
        if inode != self._inode or size < self._offset:
            self.generation += self._inode != -1
            self._offset = 0
        self.stamp, self._inode = stamp, inode
        return True

    def lines(self) -> Iterator[list[bytes]]:
        """New lines, a few megabytes of whole ones at a time, without their newlines."""
        for block in self.blocks():
            yield block[:-1].split(b"\n")

    def blocks(self) -> Iterator[bytes]:
        """New lines, a few megabytes of whole ones at a time, each with its newline."""
        if self.stamp is None:
            return
        rest = b""
        with open_file(self.path) as file:
            file.seek(self._offset)
            while chunk := file.read(CHUNK):
                end = chunk.rfind(b"\n") + 1
                block, rest = (rest + chunk[:end], chunk[end:]) if end else (b"", rest + chunk)
                if block:
                    self._offset += len(block)
                    yield block


def is_real(value: Any) -> bool:
    """Return whether a value is a finite number that a float holds."""
    return isinstance(value, int | float) and -HUGE < value < HUGE


def parse(lines: list[bytes]) -> list[dict[str, Any] | None]:
    """The JSON object on each line; None for a line that is none.

    All lines are parsed as one array first, which takes half the time; one by one only if that fails.
    """
    try:
        values = parse_json(b"[" + b",".join(lines) + b"]")
    except ValueError:
        values = []
    if len(values) != len(lines):
        values = [_value(line) for line in lines]
    return [value if isinstance(value, dict) else None for value in values]


def _value(line: bytes) -> Any:
    try:
        return parse_json(line)
    except ValueError:
        return None
