"""Files that may be a stranger's: read without waiting for a pipe, up to a limit, and parsed whatever they hold."""

from __future__ import annotations

import io
import json
import lzma
import math
import os
import stat
import struct
import zipfile
import zlib
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

BROKEN_ZIP = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error, EOFError, RuntimeError, OverflowError)
"""Errors that `zipfile` raises for broken archives, besides OSError and ValueError."""

LARGEST_DOCUMENT = 64 << 20
"""Bytes of a file that is read whole to be parsed: settings, strokes, palettes."""
LARGEST_ARRAYS = 256 << 20
"""Bytes that the arrays of an `.npz` file may unpack to."""


def open_file(path: str | Path) -> BinaryIO:
    """Open a file to read it, if it is one: opening a pipe would wait for somebody who writes, a device never ends.

    Raises:
        OSError: it can not be opened, or is a folder, a pipe, a socket or a device.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(f"{path} is no regular file")
    return os.fdopen(descriptor, "rb")


def read_file(path: str | Path, most: int = LARGEST_DOCUMENT) -> bytes:
    """Read a whole file of at most `most` bytes.

    Raises:
        OSError: see `open_file`; or it is larger.
    """
    with open_file(path) as file:
        size = os.fstat(file.fileno()).st_size
        if size > most:
            raise OSError(f"{path} has {size} bytes, more than the limit of {most}")
        return file.read(most)


def parse_json(content: bytes | str) -> Any:
    """Parse JSON.

    Raises:
        ValueError: it is none, also if it is nested too deeply.
    """
    try:
        return json.loads(content)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def read_json(path: str | Path, most: int = LARGEST_DOCUMENT) -> Any:
    """Read a file of JSON.

    Raises:
        OSError: see `read_file`.
        ValueError: it is no JSON.
    """
    return parse_json(read_file(path, most))


def read_arrays(path: str | Path, most: int = LARGEST_ARRAYS) -> dict[str, NDArray[Any]]:
    """Read the arrays of an `.npz` file, by name; nothing is unpickled, and no more allocated than the file holds.

    Raises:
        OSError: see `open_file`.
        ValueError: it is no such file, or unpacks to more than `most` bytes.
    """
    arrays = {}
    try:
        with open_file(path) as file, zipfile.ZipFile(file) as archive:
            if (size := sum(info.file_size for info in archive.infolist())) > most:
                raise ValueError(f"unpacks to {size} bytes, more than the limit of {most}")
            for info in archive.infolist():
                arrays[info.filename.removesuffix(".npy")] = _array(archive.read(info))
    except (*BROKEN_ZIP, KeyError) as error:
        raise ValueError(f"not an intact .npz file: {error}") from None
    return arrays


def _array(content: bytes) -> NDArray[Any]:
    """Read one array of NumPy's format whose header promises no more than there is."""
    file = io.BytesIO(content)
    version = np.lib.format.read_magic(file)
    readers = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
    if version not in readers:
        raise ValueError(f"unknown version {version} of NumPy's format")
    shape, fortran, kind = readers[version](file)
    rest = content[file.tell() :]
    if kind.hasobject or not kind.itemsize or math.prod(shape) * kind.itemsize != len(rest):
        raise ValueError(f"an array's header, {shape} of {kind}, does not fit its {len(rest)} bytes")
    array: NDArray[Any] = np.frombuffer(rest, kind).reshape(shape, order="F" if fortran else "C")
    return array
