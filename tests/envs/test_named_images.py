"""Omniglot and CelebA: found where people keep them, split as published, one line for what is wrong."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from envs.datasets import DataError, load_dataset
from tests.helpers.shared_data import shared_path

ALPHABETS = ("Balinese", "Early_Aramaic", "Greek", "Korean", "Latin")


def png(shade: int, size: int = 105) -> bytes:
    content = io.BytesIO()
    Image.fromarray(np.full((size, size), shade, np.uint8)).save(content, "png")
    return content.getvalue()


def omniglot_zip(path: Path, alphabets: tuple[str, ...] = ALPHABETS, characters: int = 2) -> Path:
    """The official layout, one shade for each alphabet."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as archive:
        for number, alphabet in enumerate(alphabets):
            for character in range(characters):
                for drawing in range(3):
                    name = f"{path.stem}/{alphabet}/character{character + 1:02d}/{number:04d}_{drawing + 1:02d}.png"
                    archive.writestr(name, png(10 * (number + 1)))
    return path


def shades(images: np.ndarray) -> list[int]:
    return sorted({int(image.mean()) for image in images})


@pytest.mark.parametrize("place", ["images_background_small1.zip", "omniglot/images_background_small1.zip"])
def test_omniglot_holds_out_whole_alphabets(tmp_path: Path, place: str) -> None:
    omniglot_zip(tmp_path / place)
    train = load_dataset("omniglot", split="train", size=16, data_dir=tmp_path)
    test = load_dataset("omniglot", split="test", size=16, data_dir=tmp_path)
    assert train.images.shape == (4 * 2 * 3, 16, 16, 1)
    assert (shades(train.images), shades(test.images)) == ([10, 20, 30, 40], [50])
    assert train.labels is not None
    assert train.labels.tolist() == np.arange(8).repeat(3).tolist()


def test_omniglot_as_published_where_both_sets_are_there(tmp_path: Path) -> None:
    omniglot_zip(tmp_path / "omniglot-py" / "images_background.zip")
    omniglot_zip(tmp_path / "omniglot-py" / "images_evaluation.zip", ("Angelic",), 4)
    assert len(load_dataset("omniglot", split="train", size=8, data_dir=tmp_path).images) == 5 * 2 * 3
    assert len(load_dataset("omniglot", split="test", size=8, data_dir=tmp_path).images) == 12


def test_omniglot_from_the_folder_that_a_zip_unpacks_to(tmp_path: Path) -> None:
    with zipfile.ZipFile(omniglot_zip(tmp_path / "images_background.zip")) as archive:
        archive.extractall(tmp_path / "omniglot")
    (tmp_path / "images_background.zip").unlink()
    assert len(load_dataset("omniglot", split="test", size=8, data_dir=tmp_path).images) == 6


def faces(path: Path, numbers: list[int]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as archive:
        for number in numbers:
            content = io.BytesIO()
            Image.new("RGB", (89, 109), (number % 200, 0, 0)).save(content, "jpeg", quality=95)
            archive.writestr(f"img_align_celeba/{number:06d}.jpg", content.getvalue())
    return path


def test_celeba_is_split_as_published(tmp_path: Path) -> None:
    faces(tmp_path / "celeba" / "img_align_celeba.zip", [1, 162770, 162771, 182637, 182638, 202599])
    train = load_dataset("celeba", split="train", size=16, channels=3, data_dir=tmp_path).images
    test = load_dataset("celeba", split="test", size=16, channels=3, data_dir=tmp_path).images
    assert (train.shape, test.shape) == ((2, 16, 16, 3), (2, 16, 16, 3))
    assert abs(int(train[1, 8, 8, 0]) - 162770 % 200) < 4
    assert abs(int(test[0, 8, 8, 0]) - 182638 % 200) < 4


def test_a_part_of_celeba_is_split_nine_to_one(tmp_path: Path) -> None:
    faces(tmp_path / "img_align_celeba_part.zip", list(range(1, 21)))
    assert len(load_dataset("celeba", split="train", size=8, channels=3, data_dir=tmp_path).images) == 18
    assert len(load_dataset("celeba", split="test", size=8, channels=3, data_dir=tmp_path).images) == 2


def empty_zip(path: Path) -> None:
    zipfile.ZipFile(path, "w").close()


def no_zip(path: Path) -> None:
    path.write_bytes(b"PK is not all of it")


def broken_image(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("images_background/Greek/character01/0001_01.png", b"\x89PNG\r\n broken")


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (empty_zip, "holds no images; give a folder or a zip"),
        (no_zip, "neither a folder nor a readable zip file"),
        (broken_image, "none of its 1 images can be read"),
        (lambda path: omniglot_zip(path, ALPHABETS[:2]), "its 2 alphabets leave none for the test split"),
    ],
)
def test_bad_files_are_one_line(tmp_path: Path, make: object, words: str) -> None:
    make(tmp_path / "images_background.zip")  # type: ignore[operator]
    split = "test" if "alphabets" in words else "train"
    with pytest.raises(DataError, match=words) as caught:
        load_dataset("omniglot", split=split, size=8, data_dir=tmp_path)  # type: ignore[arg-type]
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["omniglot", "celeba"])
def test_no_source_is_one_line_that_says_what_to_do(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from envs import named_images

    def no_network(*_: object, **__: object) -> None:
        raise named_images.FetchError("no network")

    monkeypatch.setattr(named_images, "fetch_with_torchvision", no_network)
    (tmp_path / "data").mkdir()
    with pytest.raises(DataError, match=r"can not be fetched .*no network.*--data-dir") as caught:
        load_dataset(name, size=8, data_dir=tmp_path / "data", cache_dir=tmp_path / "cache")
    assert "\n" not in str(caught.value)
    assert not list((tmp_path / "cache").iterdir())
    with pytest.raises(DataError, match="no such folder"):
        load_dataset(name, size=8, data_dir=tmp_path / "none", cache_dir=tmp_path / "cache")


def test_what_was_fetched_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from envs import named_images

    fetched = []

    def fetch(folder: Path, dataset: str, parts: list[dict[str, bool]]) -> None:
        fetched.append((dataset, parts))
        omniglot_zip(folder / "omniglot-py" / "images_background.zip")
        omniglot_zip(folder / "omniglot-py" / "images_evaluation.zip")

    monkeypatch.setattr(named_images, "fetch_with_torchvision", fetch)
    for _ in range(2):
        assert len(load_dataset("omniglot", size=8, cache_dir=tmp_path).images) == 30
    assert fetched == [("Omniglot", [{"background": True}, {"background": False}])]


def test_the_real_omniglot() -> None:
    data = shared_path("data/omniglot/images_background_small1.zip").parent
    train = load_dataset("omniglot", split="train", size=32, data_dir=data)
    test = load_dataset("omniglot", split="test", size=32, data_dir=data)
    assert (len(train.images), len(test.images)) == (2200, 520)
    assert train.images[:, 0, 0].mean() > 240  # dark lines on white
    assert 0.02 < (train.images < 128).mean() < 0.2
