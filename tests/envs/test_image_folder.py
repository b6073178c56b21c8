import io
import warnings
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from envs.datasets import DataError, load_dataset
from tests.helpers.shared_data import shared_path


def encoded(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def plain(value: int | tuple[int, ...], mode: str = "L", size: tuple[int, int] = (8, 8)) -> Image.Image:
    return Image.new(mode, size, value)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Five gray images of 10, 20, ..., 50, spread over folders, and things to pass over."""
    made = tmp_path / "images"
    for i, name in enumerate(["a/1.png", "a/2.PNG", "b/c/3.jpg", "b/4.bmp", "z.webp"]):
        path = made / name
        path.parent.mkdir(parents=True, exist_ok=True)
        kind = {"jpg": "JPEG", "bmp": "BMP", "webp": "WEBP"}.get(path.suffix[1:].lower(), "PNG")
        path.write_bytes(encoded(plain(10 * (i + 1)), kind))
    (made / "notes.txt").write_text("not an image")
    (made / ".hidden.png").write_text("passed over")
    return made


def zipped(folder: Path) -> Path:
    path = folder.with_suffix(".zip")
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted(folder.rglob("*"), reverse=True):
            archive.write(file, file.relative_to(folder).as_posix())
        archive.writestr("__MACOSX/a/1.png", "passed over")
    return path


def load(path: Path, **options: object) -> np.ndarray:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = load_dataset(str(path), **({"size": 4} | options))  # type: ignore[arg-type]
    assert found.labels is None
    assert found.skipped == ()
    return found.images


def test_folders_and_zips_read_the_same_in_order_of_names(folder: Path) -> None:
    images = load(folder)
    assert images.shape == (5, 4, 4, 1)
    np.testing.assert_allclose(images.mean(axis=(1, 2, 3)), [10, 20, 40, 30, 50], atol=2)  # b/4.bmp before b/c/3.jpg
    np.testing.assert_array_equal(load(zipped(folder)), images)
    assert load(folder, channels=3).shape == (5, 4, 4, 3)


def test_a_broken_image_is_skipped_and_named_once(folder: Path) -> None:
    (folder / "a" / "1.png").write_bytes(b"no image")
    whole = encoded(Image.effect_noise((64, 64), 50))
    (folder / "b" / "5.png").write_bytes(whole[: len(whole) // 2])
    for path in (folder, zipped(folder)):
        with pytest.warns(UserWarning, match="2 of 6") as caught:
            found = load_dataset(str(path), size=4)
        assert len(caught) == 1
        assert "2 of 6 images can not be read and were skipped: a/1.png, b/5.png" in str(caught[0].message)
        assert found.skipped == ("a/1.png", "b/5.png")
        assert len(found.images) == 4


def test_a_zip_member_with_a_wrong_checksum_is_skipped(tmp_path: Path) -> None:
    path = tmp_path / "x.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("1.png", encoded(plain(1)))
        archive.writestr("2.bmp", encoded(plain(77), "BMP"))
    path.write_bytes(path.read_bytes().replace(bytes([77] * 8), bytes([78] * 8), 1))
    with pytest.warns(UserWarning, match=r"1 of 2 .* 2\.bmp"):
        assert len(load_dataset(str(path), size=4).images) == 1


def test_many_broken_images_are_counted_not_all_listed(tmp_path: Path) -> None:
    for i in range(9):
        (tmp_path / f"{i}.png").write_bytes(b"" if i else encoded(plain(1)))
    with pytest.warns(UserWarning, match="8 of 9 .* 5.png and 3 more"):
        assert len(load_dataset(str(tmp_path), size=4).images) == 1


def test_empty_missing_and_unreadable_sets_say_what_to_do(tmp_path: Path) -> None:
    def message(path: Path) -> str:
        with pytest.raises(DataError) as caught:
            load_dataset(str(path))
        assert "\n" not in str(caught.value)
        assert str(path) in str(caught.value)
        return str(caught.value)

    (tmp_path / "empty").mkdir()
    assert "holds no images" in message(tmp_path / "empty")
    with zipfile.ZipFile(tmp_path / "empty.zip", "w"):
        pass
    assert "holds no images" in message(tmp_path / "empty.zip")
    (tmp_path / "broken.zip").write_bytes(b"PK\x03\x04 and no more")
    assert "neither a folder nor a readable zip" in message(tmp_path / "broken.zip")
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "1.png").write_bytes(b"")
    assert "none of its 1 images can be read" in message(tmp_path / "bad")
    assert "path of a folder or zip" in message(tmp_path / "absent")


def test_one_image_in_ten_is_held_out(tmp_path: Path) -> None:
    for i in range(20):
        (tmp_path / f"{i:02d}.png").write_bytes(encoded(plain(i)))
    assert load(tmp_path, split="test")[:, 0, 0, 0].tolist() == [9, 19]
    assert load(tmp_path, split="train")[:, 0, 0, 0].tolist() == [i for i in range(20) if i % 10 != 9]


def test_too_few_images_to_hold_one_out(folder: Path) -> None:
    with pytest.raises(DataError, match="its 5 images leave none for the test split"):
        load_dataset(str(folder), split="test")


def test_train_and_test_folders_are_the_splits(tmp_path: Path) -> None:
    for split, value in (("train", 10), ("test", 20)):
        (tmp_path / split).mkdir()
        (tmp_path / split / "1.png").write_bytes(encoded(plain(value)))
    assert load(tmp_path, split="train")[:, 0, 0, 0].tolist() == [10]
    assert load(tmp_path, split="test")[:, 0, 0, 0].tolist() == [20]


def test_the_center_square_is_kept(tmp_path: Path) -> None:
    wide = Image.new("L", (12, 4), 0)
    wide.paste(200, (4, 0, 8, 4))
    (tmp_path / "1.png").write_bytes(encoded(wide))
    assert (load(tmp_path) == 200).all()


def test_transparent_gray_bit_palette_and_deep_images(tmp_path: Path) -> None:
    deep = Image.fromarray(np.full((8, 8), 0x8000, np.uint16))
    cases = {
        "1": (plain((0, 0, 0, 0), "RGBA"), 255),  # transparent black is paper
        "2": (plain(1, "1"), 255),
        "3": (deep, 128),
        "4": (plain((255, 0, 0), "RGB").convert("P"), 76),
        "5": (plain((0, 128), "LA"), 127),
    }
    for name, (image, _) in cases.items():
        (tmp_path / f"{name}.png").write_bytes(encoded(image))
    np.testing.assert_allclose(load(tmp_path)[:, 0, 0, 0], [value for _, value in cases.values()], atol=1)


def test_jpegs_are_turned_upright(tmp_path: Path) -> None:
    image = Image.new("L", (64, 64), 0)
    image.paste(255, (0, 0, 64, 32))  # white above, stored for display upside down
    exif = Image.Exif()
    exif[0x0112] = 3
    (tmp_path / "1.jpg").write_bytes(encoded(image, "JPEG", exif=exif))
    upright = load(tmp_path, size=8)[0, :, :, 0]
    assert upright[0].max() < 20
    assert upright[-1].min() > 235


def test_omniglot() -> None:
    characters = load(shared_path("data/omniglot/images_background_small1.zip"), size=32, split="test")
    assert characters.shape == (272, 32, 32, 1)
    assert 200 < characters.mean() < 250  # thin dark strokes on white
