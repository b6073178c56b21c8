"""Images of other kinds: colors, depths, transparency, animation, size; each file is made by the test."""

import io
import struct
import warnings
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

from envs import decoding
from envs.datasets import load_dataset
from tests.envs.test_image_folder import encoded, plain


def load(folder: Path, **options: object) -> np.ndarray:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return load_dataset(str(folder), **({"size": 4, "channels": 3} | options)).images  # type: ignore[arg-type]


def one(tmp_path: Path, image: Image.Image, kind: str = "PNG", **options: object) -> list[int]:
    """Color of the middle of an image that was saved and loaded."""
    (tmp_path / "1").write_bytes(encoded(image, kind, **options))
    shown: list[int] = load(tmp_path)[0, 2, 2].tolist()
    return shown


@pytest.mark.parametrize(
    ("image", "kind", "expected"),
    [
        (plain((0, 255, 255, 0), "CMYK"), "TIFF", (255, 0, 0)),
        (plain((0, 255, 255, 0), "CMYK"), "JPEG", (255, 0, 0)),
        (plain((76, 85, 255), "YCbCr"), "JPEG", (255, 0, 0)),
        (plain(1, "1"), "PNG", (255, 255, 255)),
        (plain((255, 0, 0), "RGB").quantize(8), "PNG", (255, 0, 0)),
        (plain((255, 0, 0), "RGB").quantize(8), "GIF", (255, 0, 0)),
        (plain((0, 0, 0, 0), "RGBA"), "PNG", (255, 255, 255)),
        (plain((0, 0, 0, 0), "RGBA"), "WEBP", (255, 255, 255)),
        (plain((0, 0), "LA"), "PNG", (255, 255, 255)),
        (plain((255, 0, 0, 128), "RGBA"), "TIFF", (255, 127, 127)),
    ],
)
def test_colors_and_transparency_on_white(
    tmp_path: Path, image: Image.Image, kind: str, expected: tuple[int, int, int]
) -> None:
    np.testing.assert_allclose(one(tmp_path, image, kind), expected, atol=3)


def test_a_transparent_color_and_a_transparent_palette_entry(tmp_path: Path) -> None:
    assert one(tmp_path, plain((9, 9, 9), "RGB"), transparency=(9, 9, 9)) == [255, 255, 255]
    assert one(tmp_path, plain(9, "L"), transparency=9) == [255, 255, 255]
    assert one(tmp_path, plain((9, 9, 9), "RGB").quantize(4), transparency=0) == [255, 255, 255]


def test_lab(tmp_path: Path) -> None:
    lab, rgb = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
    image = ImageCms.profileToProfile(plain((200, 60, 60), "RGB"), rgb, lab, outputMode="LAB")
    np.testing.assert_allclose(one(tmp_path, image, "TIFF"), (200, 60, 60), atol=40)  # Pillow takes another white


def test_inverted_ink_of_photoshops_jpegs(tmp_path: Path) -> None:
    """YCCK: CMYK as YCbCr and K, which Adobe's programs store inverted and mark as such."""
    content = bytearray(encoded(plain((0, 200, 200, 0), "CMYK"), "JPEG"))
    place = content.find(b"Adobe")
    assert content[place + 11] in (0, 2)  # the marker tells the color transform
    content[place + 11] = 2
    (tmp_path / "1").write_bytes(content)
    with Image.open(io.BytesIO(content)) as opened:
        assert opened.mode == "CMYK"
        expected = opened.convert("RGB").getpixel((2, 2))
    assert load(tmp_path)[0, 2, 2].tolist() == list(expected)  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP", "TIFF"])
def test_of_an_animation_the_first_frame(tmp_path: Path, kind: str) -> None:
    first, second = plain((200, 0, 0), "RGB"), plain((0, 0, 200), "RGB")
    np.testing.assert_allclose(one(tmp_path, first, kind, save_all=True, append_images=[second]), (200, 0, 0), atol=8)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_orientation_is_turned_upright(tmp_path: Path, orientation: int) -> None:
    upright = np.zeros((16, 16), np.uint8)
    upright[:8, :8], upright[:8, 8:], upright[8:, :8] = 250, 170, 90
    turns = [0, Image.Transpose.FLIP_LEFT_RIGHT, Image.Transpose.ROTATE_180, Image.Transpose.FLIP_TOP_BOTTOM]
    turns += [
        Image.Transpose.TRANSPOSE,
        Image.Transpose.ROTATE_90,
        Image.Transpose.TRANSVERSE,
        Image.Transpose.ROTATE_270,
    ]
    image = Image.fromarray(upright)
    if orientation > 1:
        image = image.transpose(Image.Transpose(turns[orientation - 1]))
    exif = Image.Exif()
    exif[0x0112] = orientation
    (tmp_path / "1.png").write_bytes(encoded(image, exif=exif))
    assert load(tmp_path, size=2, channels=1)[0, :, :, 0].tolist() == [[250, 170], [90, 0]]


def ramp(top: float, kind: type[np.generic]) -> list[Image.Image]:
    """Eight plain images from 0 to `top`."""
    return [Image.fromarray(np.full((8, 8), value).astype(kind)) for value in np.linspace(0, top, 8)]


@pytest.mark.parametrize(
    ("top", "kind", "note"),
    [
        (65535, np.uint16, ""),
        (4095, np.uint16, "from 0 to 4095 are shown from 0 to 4095"),
        (4000, np.uint16, "from 0 to 4000 are shown from 0 to 4095"),
        (255, np.uint16, "shown from 0 to 255"),
        (100000, np.int32, "shown from 0 to"),
        (1.0, np.float32, ""),
        (255.0, np.float32, "shown from 0 to 255"),
        (5000.0, np.float32, "from 0 to 5000 are shown from 0 to 5000"),
    ],
)
def test_deep_images_are_scaled_alike(tmp_path: Path, top: float, kind: type[np.generic], note: str) -> None:
    for i, image in enumerate(ramp(top, kind)):
        image.save(tmp_path / f"{i}.tif")
    (tmp_path / "x.png").write_bytes(encoded(plain(77)))  # the ninth: none is held out
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        values = load_dataset(str(tmp_path), size=4, channels=1).images.astype(int)[:, 0, 0, 0]
    assert values[-1] == 77
    full = {4000: 4095, 100000: 2**31 - 1}.get(int(top), top)
    np.testing.assert_allclose(values[:8], np.linspace(0, 255 * top / full, 8), atol=1)
    assert len(caught) == bool(note)
    assert not note or (note in str(caught[0].message) and "of 9 images, 8 with" in str(caught[0].message))


def test_negative_and_missing_values(tmp_path: Path) -> None:
    values = np.array([[-1.0, 0.0], [1.0, np.nan]], np.float32).repeat(4, 0).repeat(4, 1)
    Image.fromarray(values).save(tmp_path / "1.tif")
    with pytest.warns(UserWarning, match="from -1 to 1"):
        shown = load_dataset(str(tmp_path), size=2).images[0, :, :, 0].tolist()
    assert shown == [[0, 128], [255, 128]]


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "P", "I;16"])
def test_large_images_are_averaged_strip_by_strip(tmp_path: Path, mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 256, (8, 8, 3), dtype=np.uint8).repeat(300, 0).repeat(330, 1)
    image = Image.fromarray(coarse)
    if mode == "I;16":
        image = Image.fromarray(np.asarray(image.convert("L")).astype(np.uint16) * 257)
    elif mode == "P":
        image = image.quantize(256)
    elif mode != "RGB":
        image = image.convert(mode)
    image.save(tmp_path / "1.png")
    whole = load(tmp_path, size=8)
    monkeypatch.setattr(decoding, "_WHOLE", 1000)
    parts = load(tmp_path, size=8)
    assert np.abs(whole.astype(int) - parts).mean() < 3
    assert whole.std() > 30


def test_images_of_too_many_pixels_are_refused_by_their_header(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoding, "LARGEST_IMAGE", 10_000)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 5000)  # which our limit replaces
    (tmp_path / "a.png").write_bytes(encoded(plain(3, size=(100, 100))))
    (tmp_path / "b.png").write_bytes(encoded(plain(3, size=(101, 100))))
    (tmp_path / "c.jpg").write_bytes(encoded(plain(3, size=(600, 600)), "JPEG"))  # reduced by its decoder
    with pytest.warns(UserWarning, match=r"1 of 3 .*: b.png \(has 0 megapixels, more than the limit of 0\)"):
        assert len(load_dataset(str(tmp_path), size=8).images) == 2
    assert Image.MAX_IMAGE_PIXELS == 5000


def deep_color(values: np.ndarray, kind: str, alpha: int | None = None) -> bytes:
    """A PNG or TIFF of 16 bits a color, which Pillow reads and does not write: uint16 [h, w, 3]."""
    height, width, _ = values.shape
    if alpha is not None:
        values = np.concatenate([values, np.full((height, width, 1), alpha, np.uint16)], axis=2)
    channels = values.shape[2]
    if kind == "PNG":
        rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
        header = struct.pack(">IIBBBBB", width, height, 16, 2 if channels == 3 else 6, 0, 0, 0)
        chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
        body = b"".join(
            struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
            for name, data in chunks
        )
        return b"\x89PNG\r\n\x1a\n" + body
    order = "<" if kind == "TIFF" else ">"
    pixels = values.astype(f"{order}u2").tobytes()
    depths = struct.pack(f"{order}3H", 16, 16, 16)
    tags = [(256, 3, 1, width), (257, 3, 1, height), (258, 3, 3, 8), (259, 3, 1, 1), (262, 3, 1, 2)]
    tags += [(273, 4, 1, 14), (277, 3, 1, 3), (278, 3, 1, height), (279, 4, 1, len(pixels))]
    directory = struct.pack(f"{order}H", len(tags))
    for tag, form, count, value in tags:
        packed = struct.pack(
            f"{order}HH" if form == 3 and count == 1 else f"{order}I", *((value, 0)[: 1 + (form == 3 and count == 1)])
        )
        directory += struct.pack(f"{order}HHI", tag, form, count) + packed
    start = 14 + len(pixels)
    mark = b"II*\0" if order == "<" else b"MM\0*"
    return mark + struct.pack(f"{order}I", start) + depths + pixels + directory + b"\0\0\0\0"


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "TIFF, big-endian"])
@pytest.mark.parametrize("top", [65535, 4095])
def test_color_of_16_bits_a_value_keeps_them(tmp_path: Path, kind: str, top: int) -> None:
    """Twelve bits in sixteen are 16 of 255 if only the high byte is read."""
    values = np.zeros((8, 8, 3), np.uint16)
    values[:, :4], values[:, 4:] = (top, top // 2, 0), (0, top // 4, top)
    (tmp_path / "1").write_bytes(deep_color(values, kind))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        color = load_dataset(str(tmp_path), size=4, channels=3).images[0]
        gray = load_dataset(str(tmp_path), size=4, channels=1).images[0]
    np.testing.assert_allclose(color[0, 0], (255, 127.5, 0), atol=1)
    np.testing.assert_allclose(color[0, 3], (0, 63.75, 255), atol=1)
    np.testing.assert_allclose(gray[0, :, 0], [151.1, 151.1, 66.5, 66.5], atol=1)
    assert [f"from 0 to {top}" in str(each.message) for each in caught] == ([] if top == 65535 else [True, True])
    with io.BytesIO(deep_color(values, kind)) as file:
        np.testing.assert_allclose(decoding.decode_whole(file, 8).getpixel((7, 0)), (0, 63.75, 255), atol=1)


def test_color_of_16_bits_is_averaged_strip_by_strip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    values = np.random.default_rng(0).integers(0, 4096, (8, 8, 3)).astype(np.uint16).repeat(300, 0).repeat(300, 1)
    (tmp_path / "1.png").write_bytes(deep_color(values, "PNG"))
    with pytest.warns(UserWarning, match="from 0 to 4095"):
        whole = load_dataset(str(tmp_path), size=8, channels=3).images.astype(int)
    monkeypatch.setattr(decoding, "_WHOLE", 1000)
    with pytest.warns(UserWarning, match="from 0 to 4095"):
        parts = load_dataset(str(tmp_path), size=8, channels=3).images.astype(int)
    assert np.abs(whole - parts).mean() < 3


def test_transparency_of_16_bits_is_on_white(tmp_path: Path) -> None:
    values = np.full((8, 8, 3), 20_000, np.uint16)
    for alpha, expected in ((0, 255), (65535, 78)):
        (tmp_path / "1.png").write_bytes(deep_color(values, "PNG", alpha))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            shown = load_dataset(str(tmp_path), size=4, channels=3).images[0, 0, 0]
        np.testing.assert_allclose(shown, expected, atol=1)
