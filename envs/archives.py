"""Folders and zips as people have them: the pictures in them, recognized by content, and a bounded way to read each."""

from __future__ import annotations

import contextlib
import io
import os
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from PIL import Image

from envs.data_files import DataError
from envs.untrusted import BROKEN_ZIP

LARGEST_MEMBER = 256 << 20
"""Bytes that a picture in an archive may unpack to; it is unpacked in memory. Files of a folder have no limit."""

_NO_PICTURES = frozenset({"BUFR", "EPS", "GRIB", "HDF5", "MPEG", "WMF"})
"""Formats that Pillow recognizes and can not read by itself."""

_JUNK = frozenset({"__macosx", "thumbs.db", "ehthumbs.db", "desktop.ini", "@eadir", "$recycle.bin"})
"""Names of files and folders that systems put beside pictures, in lower case."""

_COMPANIONS = frozenset(
    {".txt", ".md", ".csv", ".tsv", ".json", ".jsonl", ".xml", ".yaml", ".yml", ".toml", ".html", ".log", ".py", ".pdf"}
)
"""Files that accompany pictures; that they are no pictures needs no word."""

_COMPRESSIONS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA}
_COMPRESSION_NAMES = {9: "Deflate64", 93: "Zstandard", 95: "XZ", 98: "PPMd", 99: "AES encryption"}
_OTHER_ARCHIVES = {
    b"7z\xbc\xaf\x27\x1c": "a 7z archive",
    b"Rar!": "a RAR archive",
    b"\x1f\x8b": "a gzip file",
    b"\xfd7zXZ\x00": "an xz file",
    b"BZh": "a bzip2 file",
    b"\x28\xb5\x2f\xfd": "a Zstandard file",
}
_ADVICE = "give a folder or a zip of images"
_ALLOW = "let this user read it, or take it out"


class Unreadable(Exception):
    """Error of one file that is skipped; the message is the reason in a few words."""


@dataclass(frozen=True)
class PictureFiles:
    """The pictures of an open folder or zip.

    Attributes:
        path: the folder or zip.
        names: their paths in it, with forward slashes, sorted.
        open: opens one by its path in it; raises `Unreadable` with a reason.
        passed_over: number of other files by suffix, in lower case; without junk and companions.
    """

    path: Path
    names: tuple[str, ...]
    open: Callable[[str], BinaryIO]
    passed_over: Counter[str]


@contextlib.contextmanager
def open_pictures(path: Path) -> Iterator[PictureFiles]:
    """Open a folder or zip and list its pictures, which are recognized by their content.

    Hidden files, `__MACOSX`, `Thumbs.db` and the like are no pictures, nor are formats that Pillow can not read.

    Args:
        path: folder or zip.

    Yields:
        The pictures, one at least.

    Raises:
        DataError: no such path, not a folder or zip, or no pictures in it; one line that says what to do.
    """
    if path.is_dir():
        found = {each.relative_to(path).as_posix(): each for each in _files_below(path)}
        yield _pictures(path, list(found), lambda name: found[name].open("rb"))
        return
    if not path.is_file():
        raise DataError(f"{path}: no such file or folder; {_ADVICE}")
    try:
        archive = zipfile.ZipFile(path)
    except (*BROKEN_ZIP, ValueError):
        raise DataError(f"{path}: {_described(path)}; {_ADVICE}") from None
    except PermissionError:
        raise DataError(f"{path}: can not be read (permission denied); {_ALLOW}") from None
    with archive:
        # Some programs write backslashes, which the standard does not allow.
        members = {info.filename.replace("\\", "/").lstrip("/"): info for info in archive.infolist()}
        members = {name: info for name, info in members.items() if not name.endswith("/")}
        yield _pictures(path, list(members), lambda name: _member(archive, members[name]))


def _files_below(folder: Path) -> list[Path]:
    """All files of a folder and the folders in it.

    Raises:
        DataError: one of these folders can not be read.
    """

    def refuse(error: OSError) -> None:
        raise DataError(f"{error.filename}: can not be read ({(error.strerror or '').lower()}); {_ALLOW}")

    below = os.walk(folder, onerror=refuse)
    return [each for place, _, names in below for name in names if (each := Path(place) / name).is_file()]


def _pictures(path: Path, names: list[str], opener: Callable[[str], BinaryIO]) -> PictureFiles:
    Image.init()
    kept, passed_over, reasons = [], Counter[str](), Counter[str]()
    for name in sorted(names):
        parts = PurePosixPath(name).parts
        if any(part.startswith(".") or part.lower() in _JUNK for part in parts):
            continue
        try:
            if _is_picture(name, opener):
                kept.append(name)
            elif PurePosixPath(name).suffix.lower() not in _COMPANIONS:
                passed_over[PurePosixPath(name).suffix.lower() or "no suffix"] += 1
        except (Unreadable, OSError) as error:  # an unreadable folder or an encrypted archive
            reasons[str(error)] += 1
            kept.append(name)
    if kept and reasons.total() == len(kept) and len(reasons) == 1:
        raise DataError(f"{path}: {next(iter(reasons))}: unpack it, then {_ADVICE}")
    if not kept:
        others = f", only {counted(passed_over)}, which Pillow can not read" if passed_over else ""
        raise DataError(f"{path}: holds no images{others}; {_ADVICE.replace('images', 'PNG or JPEG files')}")
    return PictureFiles(path, tuple(kept), opener, passed_over)


def counted(suffixes: Counter[str]) -> str:
    """Count of files by suffix, the most frequent first: `100 .heic, 2 .mov`."""
    return ", ".join(f"{count} {suffix}" for suffix, count in suffixes.most_common())


def _is_picture(name: str, opener: Callable[[str], BinaryIO]) -> bool:
    """True if Pillow has a reader for the file's suffix, or recognizes its content."""
    suffix = Image.registered_extensions().get(PurePosixPath(name).suffix.lower())
    if suffix in Image.OPEN and suffix not in _NO_PICTURES:
        return True
    with opener(name) as file:
        start = file.read(32)
        if not any(accept and accept(start) for _, accept in Image.OPEN.values()):
            return False
        file.seek(0)
        try:
            with Image.open(file) as opened:
                return opened.format not in _NO_PICTURES
        except Image.DecompressionBombError:
            return True
        except Exception:  # decoders raise almost anything on what only looks like their format
            return False


def _member(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> BinaryIO:
    """Unpack one member in memory, if it is not larger than `LARGEST_MEMBER`."""
    if info.flag_bits & 1:
        raise Unreadable("the archive is encrypted")
    if info.compress_type not in _COMPRESSIONS:
        kind = _COMPRESSION_NAMES.get(info.compress_type, f"number {info.compress_type}")
        raise Unreadable(f"the archive's compression ({kind}) is not supported")
    if info.file_size > LARGEST_MEMBER:
        raise Unreadable(f"unpacks to {info.file_size >> 20} MiB, more than the limit of {LARGEST_MEMBER >> 20}")
    try:
        return io.BytesIO(archive.read(info))
    except (*BROKEN_ZIP, ValueError) as error:
        raise Unreadable(f"the archive is broken there ({error})") from None


def _described(path: Path) -> str:
    """Kind of a file that is no zip, for an error."""
    with path.open("rb") as file:
        start = file.read(512)
    for magic, kind in _OTHER_ARCHIVES.items():
        if start.startswith(magic):
            return f"{kind}, not a zip: unpack it"
    if start[257:262] == b"ustar":
        return "a tar archive, not a zip: unpack it"
    try:
        with Image.open(path):
            return "a single picture"
    except Exception:  # decoders raise almost anything on other files
        return "neither a folder nor a readable zip file"
