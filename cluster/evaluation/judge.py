"""The judge: a digit classifier, independent of all training, in whose feature space paintings are measured.

The usual measures of generated images use an Inception network trained on photographs, which says little about digits.
This network is trained on MNIST's training set, refuses to serve below 99 % on its test set, and is kept in the cache,
so that every evaluation on a machine uses the same one. Distances in its features compare with each other only under
one judge: its `identity` belongs beside every figure.
"""

import hashlib
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor, nn
from torch.nn import functional

from cluster.errors import UserError
from envs.data_files import default_cache_dir, load_or_make
from envs.datasets import ImageSet, load_dataset
from envs.deep_color import LUMA
from envs.resampling import resize_images

# Height and width in pixels of the images that the judge sees.
JUDGE_SIZE = 32
# Images that the judge looks at together: decides memory only.
CHUNK = 500
FEATURES = 64
CLASSES = 10


class JudgeError(UserError):
    """The judge can not be trained to the accuracy asked for, or is asked about something that is not images."""


@dataclass(frozen=True)
class JudgeSettings:
    """Settings of the judge's training. Any change gives another judge, kept beside the first.

    Attributes:
        epochs: passes over the training set. More: slightly better accuracy, proportionally longer.
        batch_size: images in an update. Larger: fewer, less noisy updates.
        learning_rate: peak of the one-cycle schedule. Higher: faster at first, unstable beyond about 1e-2.
        dropout: share of features dropped before the last layer in training. Higher: features that depend less on each
            other.
        seed: of the initial weights and the order of images.
        minimum_accuracy: accuracy on the test set, 0 to 1, that must be exceeded.
    """

    epochs: int = 2
    batch_size: int = 128
    learning_rate: float = 3e-3
    dropout: float = 0.2
    seed: int = 0
    minimum_accuracy: float = 0.99


class JudgeNetwork(nn.Module):
    """Three convolutions with batch normalization (32, 64, 64 channels, each halving the size), then 64 features."""

    def __init__(self, dropout: float = 0.2) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.Conv2d(1, 32, 5, stride=2, padding=2), nn.BatchNorm2d(32), nn.ReLU()]
        for inputs, outputs in ((32, 64), (64, 64)):
            layers += [nn.Conv2d(inputs, outputs, 3, padding=1), nn.MaxPool2d(2), nn.BatchNorm2d(outputs), nn.ReLU()]
        self.convolutions = nn.Sequential(*layers)
        self.to_features = nn.Linear(64 * (JUDGE_SIZE // 8) ** 2, FEATURES)
        self.dropout = nn.Dropout(dropout)
        self.to_logits = nn.Linear(FEATURES, CLASSES)

    def features(self, images: Tensor) -> Tensor:
        """Images float32 [N, 1, 32, 32], 0 black to 1 white, to features float32 [N, 64], >= 0."""
        return functional.relu(self.to_features(self.convolutions(1.0 - images).flatten(1)))

    def forward(self, images: Tensor) -> Tensor:
        """Images float32 [N, 1, 32, 32], 0 black to 1 white, to class logits float32 [N, 10]."""
        logits: Tensor = self.to_logits(self.dropout(self.features(images)))
        return logits


def judge_view(images: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Images as the judge sees them: gray (ITU-R 601 luma) and 32x32, larger ones averaged over area.

    Args:
        images: uint8 [N, H, W, C], C 1 or 3, dark on white.

    Returns:
        uint8 [N, 32, 32, 1].

    Raises:
        ValueError: another dtype or shape.
    """
    if images.dtype != np.uint8 or images.ndim != 4 or images.shape[3] not in (1, 3):
        raise ValueError(f"images: expected uint8 [N, H, W, 1 or 3], got {images.dtype} {list(images.shape)}")
    small = resize_images(images, JUDGE_SIZE)
    if small.shape[3] == 3:
        gray = small.astype(np.float32) @ LUMA
        small = (gray + 0.5).astype(np.uint8)[..., None]
    return small


@dataclass(frozen=True)
class Judge:
    """A trained judge.

    Attributes:
        network: the classifier.
        accuracy: on the test set, 0 to 1.
        identity: hash of settings, data and weights, hexadecimal: figures compare only under the same one.
    """

    network: JudgeNetwork = field(repr=False)
    accuracy: float
    identity: str

    def features_and_probabilities(
        self, images: npt.NDArray[np.uint8]
    ) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float32]]:
        """Features and class probabilities of images.

        Args:
            images: uint8 [N, H, W, C], C 1 or 3, dark on white; brought to 32x32 gray by `judge_view`.

        Returns:
            features float64 [N, 64], >= 0; probabilities float32 [N, 10], rows summing to 1.

        Raises:
            ValueError: another dtype or shape.
        """
        seen = judge_view(images)
        features = np.empty((len(seen), FEATURES), np.float64)
        probabilities = np.empty((len(seen), CLASSES), np.float32)
        with torch.inference_mode():
            for start in range(0, len(seen), CHUNK):
                rows = slice(start, start + CHUNK)
                found = self.network.features(_to_tensor(seen[rows]))
                features[rows] = found.numpy()
                probabilities[rows] = functional.softmax(self.network.to_logits(found), dim=1).numpy()
        return features, probabilities


def train_judge(train: ImageSet, test: ImageSet, settings: JudgeSettings | None = None) -> Judge:
    """Train a judge on the CPU in float32.

    Args:
        train: labeled images with classes 0 to 9, any size (see `judge_view`).
        test: the same, for the accuracy.
        settings: default `JudgeSettings()`.

    Raises:
        JudgeError: the accuracy on `test` does not exceed `settings.minimum_accuracy`.
        ValueError: a set without labels.
    """
    settings = settings or JudgeSettings()
    images, labels = judge_view(train.images), _labels(train)
    batches = len(images) // settings.batch_size
    if batches == 0:
        raise ValueError(f"train: {len(images)} images are fewer than one batch of {settings.batch_size}")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed)
        network = JudgeNetwork(settings.dropout)
        _reorder(network, torch.channels_last)  # 1.7 times as fast on the CPU
        optimizer = torch.optim.Adam(network.parameters(), lr=settings.learning_rate)
        schedule = torch.optim.lr_scheduler.OneCycleLR(
            optimizer, settings.learning_rate, total_steps=settings.epochs * batches, pct_start=0.2
        )
        for _ in range(settings.epochs):
            order = torch.randperm(len(images)).numpy()
            for batch in range(batches):
                rows = order[batch * settings.batch_size : (batch + 1) * settings.batch_size]
                loss = functional.cross_entropy(network(_to_tensor(images[rows])), torch.from_numpy(labels[rows]))
                optimizer.zero_grad(set_to_none=True)
                torch.autograd.backward(loss)
                optimizer.step()
                schedule.step()
    _reorder(network, torch.contiguous_format)  # as it will be saved
    network.eval().requires_grad_(False)
    judge = Judge(network, 0.0, _identity(settings, train, test, network))
    _, probabilities = judge.features_and_probabilities(test.images)
    accuracy = float((probabilities.argmax(1) == _labels(test)).mean())
    if not accuracy > settings.minimum_accuracy:
        raise JudgeError(
            f"the judge reads {accuracy:.2%} of the test images, which must exceed {settings.minimum_accuracy:.2%}: "
            "train it with more epochs, or check the data set"
        )
    return Judge(network, accuracy, judge.identity)


def load_judge(*, data_dir: Path | None = None, cache_dir: Path | None = None, seed: int = 0) -> Judge:
    """The MNIST judge: from the cache, or trained now (some CPU minutes) and kept there.

    A damaged file in the cache is named in a warning, and the judge is trained anew. Several processes may do so at
    once; the first to finish is kept.

    Args:
        data_dir: folder with MNIST, see `envs.datasets.load_dataset`.
        cache_dir: folder for the judge; default `$IMPASTO_CACHE` or `~/.cache/impasto`.
        seed: of its weights and the order of images. 0 is the judge whose figures are published; what selects by a
            judge takes another, or it would select for this one's errors.

    Raises:
        DataError: MNIST can not be had, or the cache can not be written.
        JudgeError: training did not reach the accuracy.
    """
    train = load_dataset("mnist", split="train", size=JUDGE_SIZE, data_dir=data_dir, cache_dir=cache_dir)
    test = load_dataset("mnist", split="test", size=JUDGE_SIZE, data_dir=data_dir, cache_dir=cache_dir)
    return kept_judge(train, test, JudgeSettings(seed=seed), cache_dir=cache_dir)


def kept_judge(train: ImageSet, test: ImageSet, settings: JudgeSettings, *, cache_dir: Path | None = None) -> Judge:
    """The judge of these sets: from the cache, or trained now and kept there; see `load_judge`."""
    cache = (cache_dir if cache_dir is not None else default_cache_dir()) / "judge"
    return load_or_make(
        cache / _recipe(settings, train, test)[:16],
        _read,
        lambda: train_judge(train, test, settings),
        lambda judge, folder: _write(folder, judge, settings),
    )


def _to_tensor(images: npt.NDArray[np.uint8]) -> Tensor:
    """uint8 [N, 32, 32, 1] to float32 [N, 1, 32, 32], 0 to 1."""
    return torch.from_numpy(images).permute(0, 3, 1, 2).float().div_(255.0)


def _reorder(network: nn.Module, memory_format: torch.memory_format) -> None:
    for parameter in network.parameters():
        if parameter.ndim == 4:
            parameter.data = parameter.data.contiguous(memory_format=memory_format)


def _labels(images: ImageSet) -> npt.NDArray[np.int64]:
    if images.labels is None:
        raise ValueError(f"{images.name}: a judge needs a labeled data set")
    return images.labels


def _recipe(settings: JudgeSettings, train: ImageSet, test: ImageSet) -> str:
    digest = hashlib.sha256(json.dumps(asdict(settings), sort_keys=True).encode())
    for images in (train, test):
        for array in (images.images, _labels(images)):
            digest.update(str(array.shape).encode())
            digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def _identity(settings: JudgeSettings, train: ImageSet, test: ImageSet, network: JudgeNetwork) -> str:
    return hashlib.sha256(_recipe(settings, train, test).encode() + save(network.state_dict())).hexdigest()[:16]


def _write(folder: Path, judge: Judge, settings: JudgeSettings) -> None:
    weights = save(judge.network.state_dict())
    manifest = {
        "identity": judge.identity,
        "accuracy": judge.accuracy,
        "weights_sha256": hashlib.sha256(weights).hexdigest(),
        "settings": asdict(settings),
    }
    folder.mkdir()
    (folder / "weights.safetensors").write_bytes(weights)
    (folder / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n")


def _read(folder: Path) -> Judge:
    """Read what `_write` wrote; ValueError or OSError if it is damaged."""
    try:
        manifest = json.loads((folder / "manifest.json").read_text())
        weights = (folder / "weights.safetensors").read_bytes()
        if hashlib.sha256(weights).hexdigest() != manifest["weights_sha256"]:
            raise ValueError("weights.safetensors does not have the manifest's checksum")
        network = JudgeNetwork(JudgeSettings(**manifest["settings"]).dropout)
        network.load_state_dict(load(weights))
        network.eval().requires_grad_(False)
        return Judge(network, float(manifest["accuracy"]), str(manifest["identity"]))
    except (KeyError, TypeError, RuntimeError, SafetensorError) as error:
        raise ValueError(str(error)) from error
