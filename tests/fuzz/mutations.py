"""Mutations of an input, drawn from a random generator: of bytes, of JSON values, and of the file that holds them."""

from __future__ import annotations

import io
import json
import os
import random
import socket
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

DEEP = 100_000
#: Values of every wrong type and size; `DEEP_LIST` stands for lists in lists, which `json.dumps` can not write.
DEEP_LIST = "\x00deep\x00"
WRONG: tuple[Any, ...] = (
    None, True, False, -1, 0, 1, 3, 64, 4097, 10**6, 10**12, 2**63, 10**30, -(10**30), 1e-300, 1e308, -1e308,
    float("nan"), float("inf"), -float("inf"), "", "x", "../../../etc/passwd", "/dev/zero", "\x00", "ü\ud800", "1e400",
    "x" * 100_000, [], {}, [[]], [1, "a", None], {"": {}}, [0] * 10_000, DEEP_LIST,
)  # fmt: skip

Mutate = Callable[[bytes, random.Random], bytes]


def mutate_bytes(content: bytes, rng: random.Random) -> bytes:
    """Cut, flip, overwrite, double, insert, or replace everything."""
    data = bytearray(content)
    place = rng.randrange(len(data) + 1)
    match rng.randrange(9):
        case 0:
            return bytes(data[:place])
        case 1 | 2:
            for _ in range(rng.choice((1, 1, 2, 8, 64))):
                if data:
                    data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
        case 3:  # headers are where sizes are
            begin = rng.randrange(min(64, len(data) + 1))
            data[begin : begin + 4] = rng.choice((b"\xff" * 4, b"\0" * 4, b"\x7f\xff\xff\xff", b"\xff\xff\xff\x7f"))
        case 4:
            data[place : place + rng.randrange(1, 64)] = rng.randbytes(rng.randrange(1, 64))
        case 5:
            end = min(len(data), place + rng.randrange(1, 4096))
            data[place:place] = data[place:end] * rng.randrange(1, 20)
        case 6:
            data[place:place] = rng.choice((b"\xff\xfe", b"\xed\xa0\x80", b"\0", b"\xef\xbb\xbf", b"\n", b'"', b"{"))
        case 7:
            return rng.choice((b"", b"\0" * 4096, rng.randbytes(4096), b"[" * DEEP, b'{"a":' * DEEP, b"9" * 5000))
        case 8:
            end = rng.randrange(place, len(data) + 1)
            return bytes(data[:place] + data[end:])
    return bytes(data)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The paths of all values inside a JSON value, its own too."""
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path] + [place for key, child in children for place in places(child, (*path, key))]


def mutate_value(value: Any, rng: random.Random) -> Any:
    """Replace, remove, double or rename one value inside a JSON value (a copy of it)."""
    value = json.loads(json.dumps(value))
    path = rng.choice(places(value))
    if not path:
        return rng.choice(WRONG)
    holder = value
    for key in path[:-1]:
        holder = holder[key]
    key = path[-1]
    match rng.randrange(6):
        case 0:
            del holder[key]
        case 1 if isinstance(holder, dict):
            holder[rng.choice(("", "x" * 1000, "ü", "__class__", "kind", key + "_"))] = holder.pop(key)
        case 2 if isinstance(holder[key], int | float) and not isinstance(holder[key], bool):
            holder[key] = rng.choice((-1, 0.5, 2, 10, 1000, 10**9)) * holder[key]
        case _:
            holder[key] = rng.choice(WRONG)
    return value


def dumped(value: Any) -> bytes:
    """A JSON value as text, with lists in lists where `DEEP_LIST` stands."""
    deep = "[" * DEEP + "]" * DEEP
    return json.dumps(value).replace(json.dumps(DEEP_LIST), deep).encode()


def mutate_json(content: bytes, rng: random.Random) -> bytes:
    """Change one to three values, or, in one case of four, bytes."""
    if rng.random() < 0.25:
        return mutate_bytes(content, rng)
    value = json.loads(content)
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        value = mutate_value(value, rng)
    return dumped(value)


def mutate_lines(content: bytes, rng: random.Random) -> bytes:
    """Change one to three lines of JSON, or their order, or bytes."""
    if rng.random() < 0.25:
        return mutate_bytes(content, rng)
    lines = content.splitlines()
    for _ in range(rng.choice((1, 1, 2, 3))):
        row = rng.randrange(len(lines))
        match rng.randrange(6):
            case 0:
                lines.insert(rng.randrange(len(lines)), lines[row])
            case 1:
                lines[row] = mutate_bytes(lines[row], rng)
            case _:
                try:
                    lines[row] = dumped(mutate_value(json.loads(lines[row]), rng))
                except (ValueError, RecursionError):  # mutated already
                    lines[row] = mutate_bytes(lines[row], rng)
    return b"\n".join(lines) + b"\n"


def mutate_safetensors(content: bytes, rng: random.Random) -> bytes:
    """Change the header's values, keeping its length right, or bytes."""
    if rng.random() < 0.4:
        return mutate_bytes(content, rng)
    (length,) = struct.unpack("<Q", content[:8])
    header = dumped(mutate_value(json.loads(content[8 : 8 + length]), rng))
    return struct.pack("<Q", len(header)) + header + content[8 + length :]


def mutate_npz(content: bytes, rng: random.Random) -> bytes:
    """Replace one array by one of another type or shape, by a header that promises more, or change bytes."""
    if rng.random() < 0.4:
        return mutate_bytes(content, rng)
    with np.load(io.BytesIO(content)) as file:
        arrays = {name: file[name] for name in file}
    name = rng.choice(sorted(arrays))
    array = arrays[name]
    changed: list[Any] = [
        array.astype(np.float64) * np.nan, array[:0], array[..., None], array[0], np.array(5), array.astype(str),
        array.astype(np.complex64), np.full_like(array, 2**15 - 1), np.zeros((3, 3, 3)), np.zeros(0), -array - 1,
        np.zeros((1, 1, 0), array.dtype), np.repeat(array, 40, 0),
    ]  # fmt: skip
    buffer = io.BytesIO()
    choice = rng.randrange(len(changed) + 3)
    if choice < len(changed):
        np.savez_compressed(buffer, **(arrays | {name: changed[choice]}))
        return buffer.getvalue()
    if choice == len(changed):
        np.savez(buffer, **{key: value for key, value in arrays.items() if key != name})
        return buffer.getvalue()
    if choice == len(changed) + 1:  # objects, which numpy would unpickle
        np.savez(buffer, allow_pickle=True, **(arrays | {name: np.array([{}, Trap()], object)}))
        return buffer.getvalue()
    huge = io.BytesIO()
    np.lib.format.write_array_header_1_0(huge, {"descr": "<i2", "fortran_order": False, "shape": (1 << 40, 1, 1)})
    bomb = io.BytesIO()
    np.lib.format.write_array_header_1_0(bomb, {"descr": "|u1", "fortran_order": False, "shape": (6 << 30,)})
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("noise.npy", huge.getvalue())
        with archive.open("scores.npy", "w") as member:
            member.write(bomb.getvalue() + b"\0" * (64 << 20))
        with archive.open("actions.npy", "w", force_zip64=True) as member:
            member.write(huge.getvalue())
    return buffer.getvalue()


class Trap:
    """An object that marks the process if it is unpickled."""

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return os.system, ("echo Traceback: unpickled >&2; kill -9 $PPID",)


def fifo(path: Path) -> None:
    """Put a pipe there, which nobody writes to."""
    os.mkfifo(path)


def unix_socket(path: Path) -> None:
    """Put a socket there."""
    here = os.open(".", os.O_RDONLY)
    try:
        os.chdir(path.parent)  # the address of a socket is short
        with socket.socket(socket.AF_UNIX) as each:
            each.bind(path.name)
    finally:
        os.fchdir(here)
        os.close(here)


def unreadable(path: Path) -> None:
    """Put a file there that nobody but root may read; `harness` reads as another user."""
    path.write_bytes(b"{}")
    path.chmod(0)


#: By name: puts something else in place of a file.
FILES: dict[str, Callable[[Path], None]] = {
    "pipe": fifo,
    "folder": lambda path: path.mkdir(),
    "socket": unix_socket,
    "loop of links": lambda path: path.symlink_to(path.name),
    "link to /dev/zero": lambda path: path.symlink_to("/dev/zero"),
    "missing": lambda path: None,
    "empty": lambda path: path.touch(),
    "unreadable": unreadable,
}


def replace_file(path: Path, rng: random.Random) -> str:
    """Put something that is no file of its kind in its place; returns the name of what it is now."""
    name = rng.choice(sorted(FILES))
    path.unlink()
    FILES[name](path)
    return name
