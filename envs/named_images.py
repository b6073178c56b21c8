"""Named data sets that are folders or zips of images: found in the user's folder or the cache, or fetched."""

import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from envs.data_files import DataError, default_cache_dir, make_cache_dir
from envs.mnist_sources import FetchError, fetch_with_torchvision


def find_or_fetch(
    title: str,
    find: Callable[[Path], list[Path]],
    *,
    dataset: str,
    parts: Sequence[Mapping[str, Any]],
    advice: str,
    data_dir: Path | None,
    cache_dir: Path | None,
) -> list[Path]:
    """Find the folders or zips of a data set: in `data_dir`, else in the cache, else fetched into it with torchvision.

    Args:
        title: name of the data set in errors.
        find: returns the parts of the data set that a folder holds, the preferred one first; empty if there is none.
        dataset: class of torchvision.datasets, see `envs.mnist_sources.fetch_with_torchvision`.
        parts: arguments of that class, once for each part of the data set.
        advice: another way to get the data set, for the error.
        data_dir: folder to look into first.
        cache_dir: folder that keeps fetched files; default `$IMPASTO_CACHE` or `~/.cache/impasto`.

    Raises:
        DataError: `data_dir` does not exist, or no source has it.
    """
    if data_dir is not None:
        if not data_dir.is_dir():
            raise DataError(
                f"data folder {data_dir}: no such folder; correct --data-dir, or leave it out to fetch {title}"
            )
        if found := find(data_dir):
            return found
    cache = cache_dir if cache_dir is not None else default_cache_dir()
    kept = cache / title.lower()
    if found := find(kept):
        return found
    make_cache_dir(cache)
    folder = Path(tempfile.mkdtemp(dir=cache, prefix=f".{title.lower()}-"))
    try:
        fetch_with_torchvision(folder, dataset, parts)
        if not find(folder):
            raise FetchError("the download holds no images")
        shutil.rmtree(kept, ignore_errors=True)
        folder.chmod(0o755)  # a cache may be shared
        folder.rename(kept)
    except FetchError as error:
        looked = f"not in {data_dir}; " if data_dir is not None else ""
        raise DataError(f"{title} can not be fetched ({looked}torchvision: {error}): {advice}") from None
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return find(kept)
