"""Folder of one run: the paths in it, and the lock that keeps a second driver out."""

import contextlib
import fcntl
import json
import os
import shlex
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from cluster.errors import UserError
from envs.data_files import write_atomically
from envs.untrusted import read_json

CARD = "card.json"
"""Makes a run's folder that of an agent; see `cluster.runs.agents`."""


class RunFolderError(UserError, RuntimeError):
    """The folder can not be used as asked: one line with the path and the remedy."""


class RunFolder:
    """Paths of a run and its lock; made by `create` or `open`, and a context manager.

    PATH/config.json       every setting of the run
    PATH/metrics.jsonl     one JSON object per interval
    PATH/tensorboard/      the same for TensorBoard
    PATH/samples/          contact sheets and the animated painting
    PATH/checkpoints/      see cluster/runs/checkpoints.py
    PATH/parts.safetensors the frozen parts of a run in the latent world
    """

    def __init__(self, path: Path, lock: int | None) -> None:
        self.path = path
        self._lock = lock
        self._kept: set[str] | None = None  # entries that were there before; None if the folder was not

    @classmethod
    def create(cls, path: str | Path, config: Mapping[str, Any]) -> "RunFolder":
        """Start a run in a new folder, or in one that holds no run, and lock it.

        Args:
            path: The folder; its parents are made too.
            config: JSON-able settings, written to config.json.

        Raises:
            RunFolderError: The folder holds a run already, is a file, or is locked by another driver.
        """
        path = Path(path)
        kept = set(os.listdir(path)) if path.is_dir() else None
        try:
            path.mkdir(parents=True, exist_ok=True)
        except (FileExistsError, NotADirectoryError):
            raise RunFolderError(f"{path} is not a folder: choose another --run") from None
        json.dumps(dict(config))  # fails before anything is made
        lock = _lock(path)
        folder = cls(path, lock)
        folder._kept = kept
        try:
            if folder.config.exists():
                raise RunFolderError(
                    f"{path} holds another run: continue it with `impasto resume {shlex.quote(str(path))}` or choose "
                    "another --run"
                )
            for sub in (folder.tensorboard, folder.samples, folder.checkpoints):
                sub.mkdir(exist_ok=True)
            folder.write_config(config)  # last and at once: a folder with a config is a run
        except BaseException:
            folder.close()
            raise
        return folder

    @classmethod
    def open(cls, path: str | Path, *, write: bool = True) -> "RunFolder":
        """Open the folder of an existing run.

        Args:
            path: The folder.
            write: Take the lock, to go on training; False only reads, which is allowed while a driver trains.

        Raises:
            RunFolderError: There is no run here, or another driver writes it.
        """
        path = Path(path)
        if not (path / "config.json").is_file():
            raise RunFolderError(f"{path} holds no run: it has no config.json")
        return cls(path, _lock(path) if write else None)

    @property
    def config(self) -> Path:
        """File with the settings."""
        return self.path / "config.json"

    @property
    def metrics(self) -> Path:
        """File of `MetricsWriter`."""
        return self.path / "metrics.jsonl"

    @property
    def tensorboard(self) -> Path:
        """Folder of TensorBoard events."""
        return self.path / "tensorboard"

    @property
    def samples(self) -> Path:
        """Folder of pictures."""
        return self.path / "samples"

    @property
    def checkpoints(self) -> Path:
        """Root folder for `cluster.runs.checkpoints`."""
        return self.path / "checkpoints"

    def picture_folder(self) -> Path:
        """Make the folder for pictures of a command that only reads the run.

        It is `samples`, or, if the run is on read-only storage, `NAME-samples` in the working directory, and for an
        agent that ships `samples/NAME` there: what is installed stays as it is.
        """
        if (self.path / CARD).is_file():
            own = Path("samples") / self.path.name
            own.mkdir(parents=True, exist_ok=True)
            return own
        writable = os.access(self.samples if self.samples.is_dir() else self.path, os.W_OK)
        folder = self.samples if writable else Path(f"{self.path.resolve().name}-samples")
        folder.mkdir(exist_ok=True)
        return folder

    @property
    def has_checkpoint(self) -> bool:
        """True if this run, or a member of this population, has written a checkpoint."""
        return any(any(folder.glob("[!.]*")) for folder in self.path.glob("**/checkpoints"))

    @contextlib.contextmanager
    def start(self) -> Iterator[None]:
        """Undo `create` if the block fails before there is a checkpoint, so that the name is free again."""
        try:
            yield
        except BaseException:
            if not self.has_checkpoint:
                self.remove()
            raise

    def remove(self) -> None:
        """Remove everything that was not in the folder before `create`."""
        for entry in list(self.path.iterdir()):
            if entry.name not in (self._kept or ()):
                shutil.rmtree(entry) if entry.is_dir() and not entry.is_symlink() else entry.unlink()
        if self._kept is None:
            self.path.rmdir()

    def write_config(self, config: Mapping[str, Any]) -> None:
        """Replace config.json atomically."""
        write_atomically(self.config, json.dumps(dict(config), indent=1) + "\n")

    def read_config(self) -> dict[str, Any]:
        """Read the settings.

        Raises:
            RunFolderError: The file can not be read.
        """
        try:
            config = read_json(self.config)
        except (OSError, ValueError) as error:
            raise RunFolderError(f"{self.config} can not be read: {error}") from None
        if not isinstance(config, dict):
            raise RunFolderError(f"{self.config} can not be read: it holds no JSON object")
        return config

    def close(self) -> None:
        """Release the lock."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def __enter__(self) -> "RunFolder":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.close()


def is_population(path: str | Path) -> bool:
    """Tell the folder of a population from that of a single run, or of nothing."""
    try:
        return "population" in RunFolder.open(path, write=False).read_config()
    except RunFolderError:
        return False


def is_being_written(path: Path) -> bool:
    """Tell whether a driver holds the lock of the run in `path` now."""
    try:
        os.close(_lock(path, claim=False))
    except RunFolderError:
        return True
    return False


def _lock(path: Path, *, claim: bool = True) -> int:
    """Lock the folder for this process; the kernel releases it when the process ends, however it ends."""
    # A link in a folder that came from elsewhere would have any file of the user's truncated.
    descriptor = os.open(path / ".lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.read(descriptor, 32).decode(errors="replace").strip() or "unknown"
        os.close(descriptor)
        raise RunFolderError(
            f"{path} is being written by another driver, process {holder}: wait for it or end it"
        ) from None
    if not claim:
        return descriptor
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
    return descriptor
