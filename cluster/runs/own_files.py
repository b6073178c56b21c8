"""A user's own task and brush: they travel with the run, and a task's code runs only if this machine has confirmed it.

The files are copied to `RUN/own/HASH-NAME` when a run begins; its `config.json` names them by that path. A run goes
on, and is evaluated, with the files that it began with, also after the originals were edited, moved or deleted. All
else of a run folder is data; a task is a Python file, which could do anything, and the folder may be a stranger's.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from cluster.errors import UserError
from cluster.runs.folder import RunFolder
from cluster.runs.settings import RunSettings
from envs.data_files import default_cache_dir, make_cache_dir, write_atomically

FOLDER = "own"
#: Hexadecimal digits of a file's SHA-256 in its name.
DIGITS = 16
#: Tasks that are no code of the user's: arithmetic, and the examples that ship.
BUILT_IN = re.compile(r"(all|add|sub|mul)(:\w+)?(:clip)?|envs\.latent\.examples\.\w+:\w+")

Settings = TypeVar("Settings", bound=RunSettings)


def keep(folder: Path, settings: Settings) -> Settings:
    """Copy the user's own files to a run's folder.

    The run is born here, so its task is confirmed.

    Returns:
        The settings, with the paths of the copies.
    """
    for code in own_code(settings):
        confirm(code)

    def copy(path: Path) -> Path:
        content = path.read_bytes()
        target = folder / FOLDER / f"{hashlib.sha256(content).hexdigest()[:DIGITS]}-{path.name}"
        if not target.exists():
            target.parent.mkdir(exist_ok=True)
            write_atomically(target, content)
        return target.resolve()

    return with_files(settings, lambda path: copy(path) if path.is_file() else path)


def keep_in(folder: RunFolder, settings: Settings) -> Settings:
    """Copy the user's own files to a new run's folder, and have its `config.json` name the copies.

    Returns:
        The settings, with the paths of the copies.
    """
    kept = keep(folder.path, settings)
    folder.write_config(storable(folder.path, kept))
    return kept


def located(folder: Path, settings: Settings) -> Settings:
    """Return the settings of a stored run with the whole paths of its own files.

    Raises:
        UserError: One of them was changed.
    """

    def locate(path: Path) -> Path:
        if path.is_absolute() or path.parts[:1] != (FOLDER,):
            return path
        found = folder / FOLDER / path.name  # whatever else a stranger's path holds, it does not lead out of here
        if not found.is_file() or not path.name.startswith(hashlib.sha256(found.read_bytes()).hexdigest()[:DIGITS]):
            raise UserError(f"{found}: this file of the run is missing or was changed")
        return found.resolve()

    return with_files(settings, locate)


def storable(folder: Path, settings: RunSettings) -> dict[str, Any]:
    """Return the settings as the run's `config.json` holds them: own files by their path in the folder."""
    inside = f"{(folder / FOLDER).resolve()}/"

    def relative(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: relative(each) for key, each in value.items()}
        return value.replace(inside, f"{FOLDER}/") if isinstance(value, str) else value

    plain: dict[str, Any] = relative(settings.storable())
    return plain


def contents(settings: RunSettings) -> dict[str, bytes]:
    """Read the user's own files of settings, by their paths, for a node that may not see them."""
    found: dict[str, bytes] = {}

    def read(path: Path) -> Path:
        if path.is_file():
            found[str(path)] = path.read_bytes()
        return path

    with_files(settings, read)
    return found


def unpack(settings: Settings, files: Mapping[str, bytes]) -> Settings:
    """Return settings whose own files are here: those that this node does not see are written to its cache.

    Args:
        settings: With the paths of another node.
        files: Of `contents` there.
    """

    def find(path: Path) -> Path:
        content = files.get(str(path))
        if content is None or (path.is_file() and path.read_bytes() == content):
            return path
        target = default_cache_dir() / FOLDER / f"{hashlib.sha256(content).hexdigest()[:DIGITS]}-{path.name}"
        if not (target.is_file() and target.read_bytes() == content):
            make_cache_dir(target.parent)
            write_atomically(target, content)
        return target

    return with_files(settings, find)


class WithOwnFiles:
    """Base of what takes settings to other nodes: pickled, it holds the user's own files too, see `unpack`.

    Attributes:
        settings: Of a run.
    """

    settings: Any

    def __getstate__(self) -> dict[str, Any]:
        """Add the files."""
        return self.__dict__ | {"own_files": contents(self.settings)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Unpack them; `state` may belong to somebody else."""
        values = {name: value for name, value in state.items() if name != "own_files"}
        self.__dict__.update(values, settings=unpack(values["settings"], state["own_files"]))


def require_confirmed(folder: Path, settings: RunSettings) -> None:
    """Refuse to run code that came with a run, unless this machine has confirmed it.

    Raises:
        UserError: It has not; the line names the code and how to confirm it.
    """
    known = read_confirmed()
    for code in own_code(settings):
        if fingerprint(code) not in known:
            raise UserError(
                f"{folder}: this run's task is code, {code}, that was not confirmed on this machine: read it, then "
                "give --trust-task"
            )


def confirm(code: str) -> None:
    """Confirm code of a task, now and for all runs on this machine."""
    known = read_confirmed()
    if (mark := fingerprint(code)) not in known:
        make_cache_dir(register().parent)
        write_atomically(register(), "".join(f"{each}\n" for each in sorted({*known, mark})))


def own_code(settings: RunSettings) -> list[str]:
    """Return the user's own code that a run's tasks are: paths of files, or `MODULE:CLASS`."""
    parts = [part.strip() for part in str(settings.flat().get("task") or "").split(",")]
    own = [part for part in parts if part and not BUILT_IN.fullmatch(part)]
    return [file if (file := part.rpartition(":")[0]).endswith(".py") else part for part in own]


def fingerprint(code: str) -> str:
    """Return the SHA-256 of a file, or of a name."""
    path = Path(code)
    content = path.read_bytes() if code.endswith(".py") and path.is_file() else code.encode()
    return hashlib.sha256(content).hexdigest()


def register() -> Path:
    """Return the file that lists what was confirmed on this machine."""
    return default_cache_dir() / "confirmed-tasks"


def read_confirmed() -> set[str]:
    """Return the fingerprints of the code that was confirmed on this machine."""
    return set(register().read_text().split()) if register().is_file() else set()


def with_files(settings: Settings, change: Callable[[Path], Path]) -> Settings:
    """Return settings with the paths of tasks' files and of the brush changed."""
    flat = settings.flat()
    changes: dict[str, Any] = {}
    if brush := flat.get("brush"):
        changes["brush"] = str(change(Path(brush)))
    if task := flat.get("task"):

        def moved(part: str) -> str:
            file, _, name = part.rpartition(":")
            return f"{change(Path(file))}:{name}" if file.endswith(".py") else part

        changes["task"] = ",".join(moved(part.strip()) for part in task.split(","))
    return settings.replace(**{name: value for name, value in changes.items() if value != flat[name]})
