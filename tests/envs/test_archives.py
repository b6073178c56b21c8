"""Folders and zips as people have them: junk, unknown formats, wrong names, locks, bombs."""

import io
import os
import struct
import tempfile
import warnings
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, features

from envs import archives
from envs.archives import open_pictures
from envs.datasets import DataError, load_dataset
from tests.envs.test_image_folder import encoded, plain


def message(path: Path) -> str:
    """The error of loading a path, one line that names it."""
    with pytest.raises(DataError) as caught:
        load_dataset(str(path), size=4)
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)
    return str(caught.value)


def names(path: Path) -> tuple[str, ...]:
    with open_pictures(path) as files:
        return files.names


def test_what_pillow_reads_is_read_by_content(tmp_path: Path) -> None:
    formats = {"jfif": "JPEG", "jpe": "JPEG", "tga": "TGA", "pnm": "PPM", "pbm": "PPM", "dib": "DIB", "apng": "PNG"}
    formats |= {"ico": "ICO", "JPEG": "JPEG", "": "PNG", "png_": "PNG", "txt": "PNG", "icns": "ICNS", "sgi": "SGI"}
    formats |= {name: kind for name, kind in (("avif", "AVIF"), ("webp", "WEBP")) if features.check(name)}
    formats |= {"jp2": "JPEG2000"} if features.check("jpg_2000") else {}
    for suffix, kind in formats.items():
        (tmp_path / f"x{suffix and '.'}{suffix}").write_bytes(encoded(plain(100, size=(16, 16)), kind))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(names(tmp_path)) == len(formats)
        assert len(load_dataset(str(tmp_path), size=8).images) == len(formats) - len(formats) // 10


def test_files_that_pillow_can_not_read_are_counted_by_suffix(tmp_path: Path) -> None:
    heic = b"\0\0\0\x18ftypheic" + b"\0" * 100
    for i in range(12):
        (tmp_path / f"{i}.HEIC").write_bytes(heic)
    (tmp_path / "a.mov").write_bytes(b"\0\0\0\x14ftypqt  ")
    (tmp_path / "script.eps").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n")
    (tmp_path / "labels.csv").write_text("name,label")
    assert "holds no images, only 12 .heic, 1 .mov, 1 .eps, which Pillow can not read" in message(tmp_path)
    for i in range(3):
        (tmp_path / f"p{i}.jpg").write_bytes(encoded(plain(9), "JPEG"))
    with pytest.warns(UserWarning, match=r"can not read 12 \.heic, 1 \.mov, 1 \.eps.*beside 3 images") as caught:
        assert len(load_dataset(str(tmp_path), size=4).images) == 3
    assert len(caught) == 1


def test_what_systems_leave_behind_is_no_picture(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(encoded(plain(1)))
    for name in ("Thumbs.db", ".DS_Store", "desktop.ini", "__MACOSX/._a.png", "@eaDir/a.png", ".thumbnails/a.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(encoded(plain(2)))
    with open_pictures(tmp_path) as files:
        assert files.names == ("a.png",)
        assert not files.passed_over


def test_backslashes_in_a_zip_are_folders(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        for split, value in (("train", 10), ("test", 240)):
            for i in range(3):
                info = zipfile.ZipInfo("x")
                info.filename = f"set\\{split}\\{i}.png"
                archive.writestr(info, encoded(plain(value)))
    path = str(tmp_path / "x.zip")
    assert (load_dataset(path, size=4).images == 10).all()
    assert (load_dataset(path, split="test", size=4).images == 240).all()


def flagged(path: Path, offset: int, value: int) -> Path:
    """A zip of two files with a 16-bit field of all headers changed, at an offset in the local header."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.bin", encoded(plain(1)))
        archive.writestr("b.png", encoded(plain(1)))
    content = bytearray(path.read_bytes())
    for magic, shift in ((b"PK\x03\x04", 0), (b"PK\x01\x02", 2)):
        place = content.find(magic)
        while place >= 0:
            struct.pack_into("<H", content, place + offset + shift, value)
            place = content.find(magic, place + 1)
    path.write_bytes(content)
    return path


def test_locked_and_unusual_archives_name_the_cause(tmp_path: Path) -> None:
    assert "the archive is encrypted" in message(flagged(tmp_path / "locked.zip", 6, 1))
    assert "compression (Deflate64) is not supported" in message(flagged(tmp_path / "deflate64.zip", 8, 9))
    assert "compression (number 77) is not supported" in message(flagged(tmp_path / "other.zip", 8, 77))


@pytest.mark.parametrize(
    ("start", "words"),
    [
        (b"7z\xbc\xaf\x27\x1c", "a 7z archive, not a zip: unpack it"),
        (b"Rar!\x1a\x07", "a RAR archive"),
        (b"\x1f\x8b\x08", "a gzip file"),
        (b"a.png".ljust(257, b"\0") + b"ustar", "a tar archive"),
        (encoded(plain(1)), "a single picture"),
        (b"hello", "neither a folder nor a readable zip file"),
    ],
)
def test_other_files_are_named(tmp_path: Path, start: bytes, words: str) -> None:
    (tmp_path / "x").write_bytes(start.ljust(600, b"\0"))
    assert words in message(tmp_path / "x")


def test_a_member_that_unpacks_to_gigabytes_is_refused_unread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "LARGEST_MEMBER", 1 << 20)
    with zipfile.ZipFile(tmp_path / "x.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("big.png", encoded(plain(1)) + b"\0" * (3 << 20))
        archive.writestr("small.png", encoded(plain(7)))
    read = []
    original = zipfile.ZipFile.read
    monkeypatch.setattr(zipfile.ZipFile, "read", lambda self, info: read.append(info.filename) or original(self, info))
    with pytest.warns(UserWarning, match=r"1 of 2 .*: big.png \(unpacks to 3 MiB, more than the limit of 1\)"):
        images = load_dataset(str(tmp_path / "x.zip"), size=4).images
    assert (images == 7).all()
    assert read == ["small.png"]


def test_a_member_that_lies_about_its_size_is_read_to_that_size(tmp_path: Path) -> None:
    path = tmp_path / "x.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bomb.bmp", encoded(plain(1), "BMP") + b"\0" * (50 << 20))
        archive.writestr("small.png", encoded(plain(7)))
        size = archive.getinfo("bomb.bmp").file_size
    path.write_bytes(path.read_bytes().replace(struct.pack("<I", size), struct.pack("<I", 2000)))
    with pytest.warns(UserWarning, match=r"1 of 2 .*: bomb.bmp"):  # its checksum is that of all
        assert len(load_dataset(str(path), size=4).images) == 1


def test_bytes_that_only_begin_like_a_format_are_passed_over(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(encoded(plain(1)))
    (tmp_path / "notes").write_bytes(b"P5 is the fifth part")
    with open_pictures(tmp_path) as files:
        assert files.names == ("a.png",)
        assert files.passed_over == {"no suffix": 1}


def test_pictures_of_a_zip_equal_those_of_the_folder(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    (tmp_path / "f").mkdir()
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_LZMA) as archive:
        for i in range(5):
            content = encoded(Image.fromarray(rng.integers(0, 256, (20, 31, 3), dtype=np.uint8)))
            (tmp_path / "f" / f"{i}").write_bytes(content)
            archive.writestr(f"wrapper/{i}", content)
    (tmp_path / "f.zip").write_bytes(buffer.getvalue())
    folder, zipped = (load_dataset(str(tmp_path / name), size=16, channels=3).images for name in ("f", "f.zip"))
    np.testing.assert_array_equal(folder, zipped)


def test_a_folder_that_may_not_be_read_is_named() -> None:
    """Not "holds no images". Root may read everything, so the test is somebody else meanwhile."""
    user = os.geteuid()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        folder.chmod(0o755)
        (folder / "pets" / "cats").mkdir(parents=True)
        (folder / "pets" / "cats").chmod(0)
        if user == 0:
            os.seteuid(65534)
        try:
            with pytest.raises(DataError, match=r"cats: can not be read \(permission denied\); let this user read it"):
                load_dataset(str(folder / "pets"), size=4)
        finally:
            os.seteuid(user)
            (folder / "pets" / "cats").chmod(0o755)
