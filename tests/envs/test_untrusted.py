"""Files of strangers: pipes, devices, sizes, deep nesting, headers that lie."""

from __future__ import annotations

import io
import os
import zipfile
from pathlib import Path

import numpy as np
import pytest

from envs.untrusted import open_file, parse_json, read_arrays, read_file, read_json


def test_only_regular_files_are_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "zero").symlink_to("/dev/zero")
    for name in ("pipe", "zero", "."):
        with pytest.raises(OSError, match=r"no regular file|Is a directory"):
            open_file(tmp_path / name)
    (tmp_path / "file").write_bytes(b"[1]")
    (tmp_path / "link").symlink_to("file")
    assert read_json(tmp_path / "link") == [1]
    with pytest.raises(OSError, match="3 bytes, more than the limit of 2"):
        read_file(tmp_path / "file", 2)


@pytest.mark.parametrize("content", [b"[" * 100_000, b'{"a":' * 100_000, b"\xff\xfe", b"", b"9" * 5000])
def test_what_is_no_json_is_a_value_error(content: bytes) -> None:
    with pytest.raises(ValueError, match=r".") as caught:
        parse_json(content)
    assert not isinstance(caught.value, RecursionError)


def npz(**members: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(f"{name}.npy", content)
    return file.getvalue()


def header(shape: tuple[int, ...], descr: str = "<i2") -> bytes:
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(file, {"descr": descr, "fortran_order": False, "shape": shape})
    return file.getvalue()


def test_arrays_are_read_as_numpy_reads_them(tmp_path: Path) -> None:
    arrays = {"a": np.arange(6, dtype=np.int16).reshape(2, 3), "b": np.asfortranarray(np.eye(3)), "c": np.float32(2)}
    np.savez_compressed(tmp_path / "x.npz", **arrays)  # type: ignore[arg-type]
    read = read_arrays(tmp_path / "x.npz")
    assert read.keys() == arrays.keys()
    for name, array in arrays.items():
        assert np.array_equal(read[name], array)
        assert read[name].dtype == np.asarray(array).dtype


@pytest.mark.parametrize(
    "content",
    [
        npz(a=header((1 << 40,))),
        npz(a=header((-1,)) + b"\0\0"),
        npz(a=header((1,), "|O") + b"\x80\x04N."),
        npz(a=b"\x93NUMPY\x09\x00"),
        npz(a=b""),
        b"PK\x03\x04",
        b"",
    ],
)
def test_a_header_that_lies_allocates_nothing(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.npz").write_bytes(content)
    with pytest.raises(ValueError, match=r"."):
        read_arrays(tmp_path / "x.npz")


def test_what_unpacks_to_too_much_is_refused_unread(tmp_path: Path) -> None:
    (tmp_path / "x.npz").write_bytes(npz(a=header((1 << 20,), "|u1") + bytes(1 << 20)))
    assert len(read_arrays(tmp_path / "x.npz")["a"]) == 1 << 20
    with pytest.raises(ValueError, match="unpacks to"):
        read_arrays(tmp_path / "x.npz", most=1 << 19)
