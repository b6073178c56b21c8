import json
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from cluster.evaluation import judge as module
from cluster.evaluation.judge import Judge, JudgeError, JudgeSettings, judge_view, kept_judge, load_judge, train_judge
from envs.datasets import ImageSet, load_dataset
from tests.helpers.shared_data import shared_path

QUICK = JudgeSettings(epochs=3, batch_size=32, minimum_accuracy=0.9)


def bars(count: int, seed: int) -> ImageSet:
    """Class k is a dark bar at height 3 k on a noisy white ground: easy to learn in seconds."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 10, count)
    images = rng.integers(200, 256, (count, 32, 32, 1), dtype=np.uint8)
    for image, label in zip(images, labels, strict=True):
        image[3 * label : 3 * label + 3, 4:28] = rng.integers(0, 60)
    return ImageSet(images, labels, "bars")


@pytest.fixture(scope="module")
def quick() -> Judge:
    return train_judge(bars(640, 0), bars(200, 1), QUICK)


def test_a_judge_learns_and_reports_its_accuracy(quick: Judge) -> None:
    unseen = bars(300, 2)
    features, probabilities = quick.features_and_probabilities(unseen.images)
    assert (features.shape, features.dtype) == ((300, 64), np.float64)
    assert (probabilities.shape, probabilities.dtype) == ((300, 10), np.float32)
    assert features.min() >= 0
    np.testing.assert_allclose(probabilities.sum(axis=1), 1.0, rtol=1e-5)
    assert (probabilities.argmax(axis=1) == unseen.labels).mean() > 0.9
    assert 0.9 < quick.accuracy <= 1.0
    one, _ = quick.features_and_probabilities(unseen.images[:1])
    np.testing.assert_allclose(one[0], features[0], rtol=1e-4, atol=1e-4)
    assert quick.features_and_probabilities(unseen.images[:0])[0].shape == (0, 64)


def test_training_leaves_the_global_random_state_alone() -> None:
    torch.manual_seed(3)
    before = torch.random.get_rng_state()
    train_judge(bars(64, 0), bars(10, 1), JudgeSettings(epochs=1, batch_size=32, minimum_accuracy=-1.0))
    assert torch.equal(torch.random.get_rng_state(), before)


def test_a_poor_judge_is_refused() -> None:
    guesses = ImageSet(bars(64, 0).images, np.random.default_rng(5).integers(0, 10, 64), "guesses")
    with pytest.raises(JudgeError, match=r"must exceed 99\.00%"):
        train_judge(guesses, bars(50, 1), JudgeSettings(epochs=1, batch_size=32))


def test_sets_that_do_not_fit_are_refused() -> None:
    unlabeled = ImageSet(bars(64, 0).images, None, "faces")
    with pytest.raises(ValueError, match="faces: a judge needs a labeled data set"):
        train_judge(unlabeled, bars(50, 1))
    with pytest.raises(ValueError, match="fewer than one batch"):
        train_judge(bars(20, 0), bars(50, 1))


def test_judge_view() -> None:
    rng = np.random.default_rng(0)
    gray = rng.integers(0, 256, (2, 64, 64, 1), dtype=np.uint8)
    wide = gray[..., 0].astype(int)
    pooled = (wide[:, ::2, ::2] + wide[:, 1::2, ::2] + wide[:, ::2, 1::2] + wide[:, 1::2, 1::2] + 2) // 4
    np.testing.assert_array_equal(judge_view(gray)[..., 0], pooled)
    np.testing.assert_array_equal(judge_view(np.repeat(gray, 3, axis=3)), judge_view(gray))
    red = np.zeros((1, 32, 32, 3), np.uint8)
    red[..., 0] = 255
    assert judge_view(red)[0, 0, 0, 0] == 76  # 0.299 * 255
    for bad in (gray[..., 0], gray.astype(np.float32), np.zeros((1, 32, 32, 2), np.uint8)):
        with pytest.raises(ValueError, match="images: expected uint8"):
            judge_view(bad)


def test_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trained = []

    def count_training(train: ImageSet, test: ImageSet, settings: JudgeSettings) -> Judge:
        trained.append(settings)
        return train_judge(train, test, settings)

    sets = {"train": bars(320, 0), "test": bars(100, 1)}
    monkeypatch.setattr(module, "train_judge", count_training)
    settings = JudgeSettings(epochs=1, batch_size=32, minimum_accuracy=-1.0)

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        first, second = (kept_judge(sets["train"], sets["test"], settings, cache_dir=tmp_path) for _ in range(2))
    assert len(trained) == 1
    assert first.identity == second.identity
    assert first.accuracy == second.accuracy
    images = sets["test"].images
    for a, b in zip(first.features_and_probabilities(images), second.features_and_probabilities(images), strict=True):
        np.testing.assert_array_equal(a, b)

    (folder,) = (tmp_path / "judge").iterdir()
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["identity"] == first.identity
    assert manifest["settings"]["epochs"] == 1

    kept_judge(sets["train"], sets["test"], replace(settings, seed=1), cache_dir=tmp_path)
    sets["test"] = bars(100, 3)
    kept_judge(sets["train"], sets["test"], settings, cache_dir=tmp_path)
    assert len(trained) == 3  # other settings and other data are other judges
    assert len(list((tmp_path / "judge").iterdir())) == 3

    sets["test"] = bars(100, 1)
    for name, content in (("weights.safetensors", b"half"), ("manifest.json", b"{}"), ("manifest.json", b"")):
        (folder / name).write_bytes(content)
        with pytest.warns(UserWarning, match="is damaged"):
            assert kept_judge(sets["train"], sets["test"], settings, cache_dir=tmp_path).identity == first.identity
    assert len(trained) == 6


@pytest.mark.slow
def test_the_mnist_judge(tmp_path: Path) -> None:
    """Trains the judge that `impasto evaluate` uses: about two CPU minutes."""
    data = shared_path("data/MNIST").parent
    found = load_judge(data_dir=data, cache_dir=tmp_path)
    assert found.accuracy > 0.99
    digits = load_dataset("mnist", split="test", size=64, data_dir=data)
    _, probabilities = found.features_and_probabilities(digits.images[:2000])
    assert digits.labels is not None
    assert (probabilities.argmax(axis=1) == digits.labels[:2000]).mean() > 0.98
