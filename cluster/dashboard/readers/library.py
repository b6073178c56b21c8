"""The folders below RUNS that are shown, and the one check before their files are read."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from cluster.runs.folder import is_population
from envs.untrusted import open_file

# How deep below RUNS folders are looked for: RUNS/group/population/members/member.
DEPTH = 5

# A run that wrote nothing for so long, in seconds, is taken to have ended: rows come every second, and making sheets
# and checkpoints takes less. On shared storage a run is brought up to date after each checkpoint.
SILENCE = 90.0
REMOTE_SILENCE = 900.0

# Files of JSON that one folder may hold to be looked into, and the bytes by which strokes are told from others.
LOOKED_INTO = 1000
STROKES = b'{"format": "impasto-strokes"'
# Where a run's own paintings are.
PAINTINGS = "paintings"

Kind = Literal["run", "population", "painting"]


class NotThere(LookupError):
    """Something that was asked for does not exist, or lies outside RUNS; an answer does not tell which.

    Attributes:
        reason: sentence that an answer does tell, about something that exists; empty for none.
    """

    def __init__(self, name: str, reason: str = "") -> None:
        super().__init__(name)
        self.reason = reason


@dataclass(frozen=True)
class Entry:
    """One folder of RUNS, or the file of a painting's strokes.

    Attributes:
        key: its name in URLs: the path below RUNS with `~` for `/`, of a painting without `.json`.
        path: the folder or file, as a path that begins with RUNS as it was given, so that commands can be copied.
        kind: a single run, a population (which holds runs), or a painting.
    """

    key: str
    path: Path
    kind: Kind


class Library:
    """The runs, populations and paintings below a folder, which may also be a run or population itself.

    Attributes:
        root: RUNS, as given.
        address: of the shared storage that RUNS is a copy of; empty if it is none.
        silence: seconds after which a run that wrote nothing is taken to have ended.
        unreadable: Folders that the last scan could not look into.
    """

    def __init__(self, root: Path, address: str = "") -> None:
        """Raises ValueError if `root` is no folder."""
        if not root.is_dir():
            raise ValueError(f"{root} is not a folder: give the folder that holds the runs")
        self.root = root
        self.address = address
        self.silence = REMOTE_SILENCE if address else SILENCE
        self._real = root.resolve()
        self.unreadable: list[Path] = []
        self._kinds: dict[Path, tuple[tuple[int, int], Kind]] = {}
        self._strokes: dict[Path, tuple[tuple[int, int], bool]] = {}

    def entries(self) -> list[Entry]:
        """All runs, populations and paintings, by path; the runs of a population follow it.

        Only what this scan finds can be named in a URL, so no path is ever made from one.
        """
        self.unreadable = []
        return list(self._entries(self.root, 0))

    def _entries(self, folder: Path, depth: int) -> Iterator[Entry]:
        kind = self._kind(folder)
        if kind:
            relative = folder.relative_to(self.root).as_posix()
            yield Entry(encode(self._real.name if relative == "." else relative), folder, kind)
        if depth == DEPTH:
            return
        if kind == "run":
            if os.path.isdir(f"{folder}/{PAINTINGS}") and not os.path.islink(f"{folder}/{PAINTINGS}"):
                yield from self._entries(folder / PAINTINGS, depth + 1)
            return
        below, files = [], []
        try:
            for child in os.scandir(folder):
                if child.name.startswith("."):
                    continue
                if child.is_dir(follow_symlinks=False):
                    below.append(child.name)
                elif child.name.endswith(".json") and child.is_file(follow_symlinks=False):
                    files.append(child.name)
        except OSError as error:  # removed, or not readable
            self._note(folder, error)
            return
        for name in sorted(files)[:LOOKED_INTO]:
            if self._is_painting(path := folder / name):
                yield Entry(encode(path.relative_to(self.root).as_posix().removesuffix(".json")), path, "painting")
        for name in sorted(below):
            yield from self._entries(folder / name, depth + 1)

    def _is_painting(self, path: Path) -> bool:
        try:
            status = os.stat(path)
            stamp, known = (status.st_mtime_ns, status.st_size), self._strokes.get(path)
            if known is None or known[0] != stamp:
                with open_file(path) as file:
                    known = self._strokes[path] = stamp, file.read(len(STROKES)) == STROKES
        except OSError:
            return False
        return known[1]

    def _kind(self, folder: Path) -> Kind | None:
        try:
            status = os.stat(f"{folder}/config.json")
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            self._note(folder, error)
            return None
        if not stat.S_ISREG(status.st_mode):
            return None
        stamp, known = (status.st_mtime_ns, status.st_size), self._kinds.get(folder)
        if known is None or known[0] != stamp:
            try:
                known = self._kinds[folder] = stamp, "population" if is_population(folder) else "run"
            except OSError as error:
                self._note(folder, error)
                return None
        return known[1]

    def _note(self, folder: Path, error: OSError) -> None:
        if not isinstance(error, FileNotFoundError) and folder not in self.unreadable:
            self.unreadable.append(folder)

    def named(self, path: Path) -> str:
        """A folder as commands name it: on shared storage, if RUNS is a copy."""
        if not self.address:
            return str(path)
        relative = path.relative_to(self.root).as_posix()
        return self.address if relative == "." else f"{self.address}/{relative}"

    def check(self, path: Path) -> Path:
        """`path` itself, if it leads to something inside RUNS after all symbolic links.

        Raises:
            NotThere: it does not.
        """
        if not self._is_inside(path):
            raise NotThere(path.name)
        return path

    def _is_inside(self, path: Path) -> bool:
        try:
            return path.resolve(strict=True).is_relative_to(self._real)
        except (OSError, RuntimeError):  # missing; a loop of links
            return False


def encode(relative: str) -> str:
    """A relative path as one part of a URL; bytes that are no text are shown by their numbers."""
    relative = relative.encode("utf-8", "backslashreplace").decode()
    return relative.replace("~", "~~").replace("/", "~")


def decode(key: str) -> str:
    """A key as people read it."""
    return key.replace("~~", "\0").replace("~", " / ").replace("\0", "~")
