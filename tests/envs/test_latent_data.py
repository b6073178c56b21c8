import gzip
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from envs.data_files import DataError
from envs.latent.data import load_latent_images
from tests.envs.generated_mnist import generated_mnist, put
from tests.helpers.shared_data import shared_path


def write(folder: Path, count: int, ink: int, ground: int, mode: str = "L") -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for i in range(count):
        image = Image.new("L", (20, 16), ground)
        image.paste(ink, (5, 4, 9, 12))
        image.convert(mode).save(folder / f"{i:03}.png")


def test_a_folder_with_a_class_in_each_subfolder(tmp_path: Path) -> None:
    write(tmp_path / "cat", 20, 255, 0)
    write(tmp_path / "dog", 10, 200, 0)
    (tmp_path / "__MACOSX").mkdir()
    train, test = (load_latent_images(str(tmp_path), split, size=16) for split in ("train", "test"))  # type: ignore[arg-type]
    assert train.classes == test.classes == ("cat", "dog")
    assert train.labels is not None
    assert np.bincount(train.labels).tolist() == [18, 9]
    assert test.labels is not None
    assert np.bincount(test.labels).tolist() == [2, 1]
    assert train.images.shape == (27, 16, 16, 1)
    assert train.images[0].max() == 255
    assert not train.inverted


def test_train_and_test_folders_are_the_splits(tmp_path: Path) -> None:
    for split, count in (("train", 12), ("test", 3)):
        for kind in ("a", "b"):
            write(tmp_path / split / kind, count, 255, 0, "RGB")
    train, test = (load_latent_images(str(tmp_path), split, size=8, channels=3) for split in ("train", "test"))  # type: ignore[arg-type]
    assert (len(train.images), len(test.images)) == (24, 6)
    assert train.images.shape[1:] == (8, 8, 3)


def test_images_without_classes_and_ink_on_paper(tmp_path: Path) -> None:
    write(tmp_path / "loose", 10, 0, 255)
    found = load_latent_images(str(tmp_path / "loose"), "train", size=16)
    assert found.labels is None
    assert found.classes == ()
    assert found.images[:, 0, 0].max() == 0  # the ground has become dark
    assert found.inverted
    assert found.images.max() == 255


def test_training_images_decide_which_way_round_both_splits_are(tmp_path: Path) -> None:
    for kind in ("a", "b"):
        write(tmp_path / "train" / kind, 10, 0, 255)
        write(tmp_path / "test" / kind, 3, 255, 100)  # by itself it would be left as it is
    test = load_latent_images(str(tmp_path), "test", size=16)
    assert (test.images[:, 0, 0] == 155).all()
    assert test.images.min() == 0


def test_unknown_names_list_the_known(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="unknown data set 'cifar': give mnist, fashion-mnist, kmnist"):
        load_latent_images("cifar", "train")
    write(tmp_path / "train" / "a", 3, 255, 0)
    write(tmp_path / "train" / "b", 3, 255, 0)
    write(tmp_path / "test" / "a", 3, 255, 0)
    with pytest.raises(DataError, match="every class needs one in train and in test"):
        load_latent_images(str(tmp_path), "test")


def test_fashion_mnist_in_torchvisions_layout(tmp_path: Path) -> None:
    put(tmp_path / "FashionMNIST" / "raw", generated_mnist())
    found = load_latent_images("fashion-mnist", "test", data_dir=tmp_path, cache_dir=tmp_path / "cache")
    assert found.images.shape == (20, 28, 28, 1)
    assert found.labels is not None
    assert len(found.classes) == 10


def test_a_data_set_that_can_not_be_fetched_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from envs.torchvision_compat import import_torchvision

    import_torchvision()
    from torchvision import datasets

    def no_network(self: object) -> None:
        raise RuntimeError("Error downloading\ntrain-images")

    monkeypatch.setattr(datasets.KMNIST, "download", no_network)
    with pytest.raises(DataError, match=r"kmnist can not be fetched \(Error downloading train-images\): put its IDX"):
        load_latent_images("kmnist", "train", cache_dir=tmp_path)


def test_mnist_keeps_its_pixels(tmp_path: Path) -> None:
    data = shared_path("data/MNIST")
    raw = gzip.decompress((data / "raw" / "t10k-images-idx3-ubyte.gz").read_bytes())
    found = load_latent_images("mnist", "test", data_dir=data.parent)
    assert found.images.shape == (10_000, 28, 28, 1)
    np.testing.assert_array_equal(found.images.ravel(), np.frombuffer(raw, np.uint8, offset=16))
