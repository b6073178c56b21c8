"""The summary that is printed at the start of a run."""

import hashlib
import importlib.util
from pathlib import Path

import pytest

from envs import data_summary, mnist
from envs.data_files import DataError
from envs.data_summary import summarize
from envs.datasets import load_dataset
from envs.latent.data import load_latent_images, summarize_latent
from tests.envs.generated_mnist import generated_mnist, put
from tests.envs.test_image_folder import encoded, plain
from tests.helpers.shared_data import shared_path


def fill(folder: Path, counts: dict[str, int]) -> Path:
    for name, count in counts.items():
        (folder / name).mkdir(parents=True, exist_ok=True)
        for i in range(count):
            (folder / name / f"{i:03}.png").write_bytes(encoded(plain(i)))
    return folder


def test_a_folder_without_classes(tmp_path: Path) -> None:
    fill(tmp_path, {"": 25})
    (tmp_path / "a.heic").write_bytes(b"\0\0\0\x18ftypheic")
    expected = f"{tmp_path}: 23 images to learn from, 2 held out (every tenth picture is held out); passed over 1 .heic"
    assert str(summarize(str(tmp_path))) == expected


def test_classes_and_splits_agree_with_the_loaders(tmp_path: Path) -> None:
    fill(tmp_path, {"x/Train/a": 12, "x/Train/b": 4, "x/Val/a": 3, "x/Val/b": 2, "x/other": 1})
    summary = summarize_latent(str(tmp_path))
    assert str(summary).splitlines() == [
        f"{tmp_path}: 16 images to learn from, 5 held out (folders Train and Val); 1 left out",
        "classes: a 12 + 3, b 4 + 2",
    ]
    for split, count in (("train", summary.train), ("test", summary.test)):
        with pytest.warns(UserWarning, match=r"left out \(1\): x/other/000.png"):
            assert len(load_dataset(str(tmp_path), split=split, size=4).images) == count  # type: ignore[arg-type]
        with pytest.warns(UserWarning, match="left out"):
            found = load_latent_images(str(tmp_path), split, size=4)  # type: ignore[arg-type]
        assert len(found.images) == count
        assert found.classes == ("a", "b")


def test_many_classes_are_counted_not_listed(tmp_path: Path) -> None:
    fill(tmp_path, {f"c{i:02}": 2 + i % 3 for i in range(20)})
    assert str(summarize(str(tmp_path))).splitlines()[1] == "20 classes of 2 to 4 images"


def test_published_sets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = generated_mnist()
    monkeypatch.setattr(mnist, "SHA256", {name: hashlib.sha256(content).hexdigest() for name, content in made.items()})
    put(tmp_path, made)
    lines = str(summarize("mnist", data_dir=tmp_path)).splitlines()
    assert lines[0] == "mnist: 30 images to learn from, 20 held out (as published)"
    assert lines[1].startswith("classes: 0 ")
    put(tmp_path / "FashionMNIST" / "raw", made)
    fashion = str(summarize_latent("fashion-mnist", data_dir=tmp_path, cache_dir=tmp_path))
    assert fashion.replace("fashion-mnist", "mnist").splitlines() == lines


def test_omniglot_and_celeba() -> None:
    data = shared_path("data/omniglot").parent
    assert (summarize("omniglot", data_dir=data).train, summarize("omniglot", data_dir=data).test) == (2200, 520)
    assert str(summarize("celeba", data_dir=data)).startswith("celeba: 8100 images to learn from, 900 held out")


def test_photos_of_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(data_summary, "photo_paths", lambda photos: [])
    summary = summarize("pictures")
    assert (summary.train, summary.test) == (4000, 500)
    assert "crops of other photos" in str(summary)
    monkeypatch.undo()
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(DataError, match=r"pip install impasto\[pictures\]"):
        summarize("pictures")


def test_too_few_images_are_named_before_anything_starts(tmp_path: Path) -> None:
    summary = summarize(str(fill(tmp_path, {"": 5})))
    summary.require(5, 0)
    with pytest.raises(DataError, match=r"5 images in the train split, at least 6 are needed; give 6"):
        summary.require(6, 0)
    with pytest.raises(DataError, match=r"0 images in the test split, at least 2 are needed; give 20 in all"):
        summary.require(2, 2)
