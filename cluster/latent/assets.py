"""Assets that all latent worlds of a run share, once per node: frozen parts and images in Ray's object store."""

from __future__ import annotations

import dataclasses
import functools
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import ray
import torch
from numpy.typing import NDArray

from cluster.latent.parts_cache import frozen_parts
from cluster.latent.settings import LatentSettings
from envs.latent import FrozenParts, LatentVectorEnv, PartsShape
from envs.latent.data import LatentImages, load_latent_images, summarize_latent
from envs.latent.rules import LatentRules
from envs.latent.tasks import parse_tasks

#: Images of a world that is only asked what it looks like.
FEW = 16

#: Training images that agents never act on, at most; a tenth of fewer than 10 000.
HELD_OUT = 1000


@dataclass
class LatentAssets:
    """Images and frozen parts, loaded or trained.

    Attributes:
        data: The training split.
        parts: Frozen parts trained on it.
    """

    data: LatentImages
    parts: FrozenParts

    @classmethod
    def load(
        cls, settings: LatentSettings, say: Callable[[str], None] = print, parts: FrozenParts | None = None
    ) -> LatentAssets:
        """Load the data, and the parts from the cache; train them if they are not there.

        Args:
            settings: Of the run.
            say: Takes one line each on the progress of a training.
            parts: A run's own parts, instead of those of the cache.

        Raises:
            ValueError: The data can not be loaded, there is no such task, or no GAN covers the classes; one line.
        """
        data = load_images(settings, "train")
        parse_tasks(settings.world.task, len(data.classes))  # training takes minutes: a typing error is told before
        return cls(data, frozen_parts(settings.parts, data, say=say) if parts is None else parts)

    @functools.cached_property
    def _order(self) -> NDArray[np.intp]:
        return np.random.default_rng(0).permutation(len(self.data.images))

    @property
    def held_out(self) -> LatentImages:
        """Training images, drawn at random, that no agent acts on.

        Checkpoints are chosen by them, so that the test split stays unseen. The parts were trained on them too.
        """
        return self._some(self._order[: self._held])

    @property
    def acted_on(self) -> LatentImages:
        """All other training images."""
        return self._some(self._order[self._held :])

    @property
    def _held(self) -> int:
        return min(HELD_OUT, max(1, len(self.data.images) // 10))

    def _some(self, rows: NDArray[np.intp]) -> LatentImages:
        labels = self.data.labels
        chosen = None if labels is None else labels[rows]
        return dataclasses.replace(self.data, images=self.data.images[rows], labels=chosen)

    def share(self) -> SharedAssets:
        """Put the parts, and the images that agents act on, into the object store."""
        arrays: dict[str, NDArray[Any]] = {name: value.numpy() for name, value in self.parts.state_dict().items()}
        data = self.acted_on
        return SharedAssets([ray.put((self.parts.shape, arrays, data.images, data.labels))])


def load_images(settings: LatentSettings, split: Any) -> LatentImages:
    """Load a split of the run's data."""
    system = settings.system
    return load_latent_images(
        system.data,
        split,
        size=system.image_size,
        channels=system.image_channels,
        data_dir=system.data_folder,
    )


def introduce(settings: LatentSettings) -> str:
    """Summarize a run's data for its start: images by split and class.

    Raises:
        ValueError: The data set can not be loaded, or has fewer than the two images that are needed.
    """
    system = settings.system
    summary = summarize_latent(system.data, data_dir=system.data_folder)
    summary.require(train=2)  # one to act on, one to choose checkpoints by
    return str(summary)


@dataclass(frozen=True)
class SharedAssets:
    """A handle to a `LatentAssets` in the object store; processes of one node read the same memory.

    Attributes:
        references: A list with one reference. A configuration carries lists unchanged.
    """

    references: list[Any]

    def __deepcopy__(self, memo: dict[int, Any]) -> SharedAssets:
        """Return itself: RLlib copies configurations, and a reference must not be copied."""
        return self

    def world(self, settings: LatentSettings, count: int, seed: int, few: bool = False) -> LatentVectorEnv:
        """Make `count` worlds; with `few`, on a handful of images, to ask for their spaces."""
        shape, arrays, images, labels = ray.get(self.references[0])
        if few:
            images, labels = images[:FEW], None if labels is None else labels[:FEW]
        return LatentVectorEnv(count, settings.world, parts_of(shape, arrays), images, labels, seed)

    def rules(self, settings: LatentSettings) -> LatentRules:
        """Return the rules by which transitions are scored and relabeled."""
        shape, arrays, _, _ = ray.get(self.references[0])
        return LatentRules(settings.world, parts_of(shape, arrays))


def parts_of(shape: PartsShape, arrays: dict[str, NDArray[np.float32]]) -> FrozenParts:
    """Make frozen parts whose weights are these arrays, without a copy; the arrays may be read-only."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch has no read-only tensors and says so
        tensors = {name: torch.from_numpy(array) for name, array in arrays.items()}
    with torch.device("meta"):
        parts = FrozenParts(shape)
    parts.load_state_dict(tensors, assign=True)
    return parts.requires_grad_(False).eval()
