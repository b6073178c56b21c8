"""The cache of fetched data, files that are written whole, and the error that every data source raises."""

import os
import tempfile
from pathlib import Path


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


def write_atomically(path: Path, content: bytes) -> None:
    """Write `content` under a temporary name beside `path`, then rename it: a reader sees the whole file or none.

    Several processes may write the same file at once; the last one stays.
    """
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        os.chmod(temporary, 0o644)  # a cache may be shared
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
