"""The cache of data sets and trained networks, files written whole, and the error that every data source raises."""

import os
import shutil
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

Kept = TypeVar("Kept")


class DataError(ValueError):
    """Error of a data set that can not be had; one line that says what is wrong and what to do about it."""


def default_cache_dir() -> Path:
    """Folder of the cache: `$IMPASTO_CACHE`, or `~/.cache/impasto` if that is not set. It may not exist yet."""
    chosen = os.environ.get("IMPASTO_CACHE")
    return Path(chosen).expanduser() if chosen else Path.home() / ".cache" / "impasto"


def make_cache_dir(path: Path) -> Path:
    """Create `path` (with parents) if it is missing and return it.

    Raises:
        DataError: it can not be created or written.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
        writable = os.access(path, os.W_OK)
    except OSError:
        writable = False
    if not writable:
        raise DataError(f"the cache folder {path} can not be written: set IMPASTO_CACHE to a folder that can")
    return path


def write_atomically(path: Path, content: bytes | str) -> None:
    """Write `content` under a temporary name beside `path`, then rename it: a reader sees the whole file or none.

    A missing folder is made. Several processes may write the same file at once; the last one stays.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
        os.chmod(temporary, 0o644)  # a cache may be shared
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def replace_folder(new: Path, path: Path) -> None:
    """Rename the folder `new`, of the same file system, to `path`; what was there is removed afterwards.

    If the disk refuses, what was there is there again.
    """
    going = path.with_name(f".{path.name}.going")
    if going.exists() and not path.exists():  # the last call was killed between its two renames
        going.rename(path)
    shutil.rmtree(going, ignore_errors=True)
    if path.exists():
        path.rename(going)
    try:
        new.rename(path)
    except OSError:
        if going.exists():
            going.rename(path)
        raise
    shutil.rmtree(going, ignore_errors=True)


def load_or_make(
    path: Path, load: Callable[[Path], Kept], make: Callable[[], Kept], save: Callable[[Kept, Path], None]
) -> Kept:
    """Load from the cache, or make now and keep there, something that takes long to make.

    A damaged file is named in a warning and replaced. Several processes may make it at once; that of the first to
    finish is kept, and returned to all.

    Args:
        path: file or folder in the cache.
        load: reads it; raises ValueError or OSError if it is damaged.
        make: makes it.
        save: writes it, as a file or a folder, to a path that does not exist.

    Raises:
        DataError: the cache can not be written.
    """
    if path.exists():
        try:
            return load(path)
        except (OSError, ValueError) as error:
            warnings.warn(f"{path} is damaged ({error}): making it anew", stacklevel=3)
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    make_cache_dir(path.parent)
    made = make()
    temporary = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name}."))
    try:
        new = temporary / path.name
        save(made, new)
        new.chmod(0o755 if new.is_dir() else 0o644)  # a cache may be shared
        os.rename(new, path) if new.is_dir() else os.link(new, path)  # neither takes the place of another's
    except OSError as error:
        if not path.exists():
            raise DataError(f"{path} can not be kept ({error}): set IMPASTO_CACHE to a folder that can") from None
        return load(path)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return made
