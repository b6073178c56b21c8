"""Frozen parts from the cache, or trained now and kept there."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from cluster.errors import UserError
from envs.data_files import default_cache_dir, load_or_make
from envs.latent.data import LatentImages
from envs.latent.parts import FrozenParts
from learners.latent_parts.settings import PartsSettings
from learners.latent_parts.train import train_on_readers, train_readers

#: Raised when the code that trains the parts changes what it makes.
RECIPE = 2

#: A run's own copy of its parts, in its folder.
PARTS = "parts.safetensors"


def parts_path(settings: PartsSettings, data: LatentImages, cache_dir: Path | None = None) -> Path:
    """Where the cache keeps the parts made with these settings of these data, whether or not they are there."""
    digest = hashlib.sha256(json.dumps([RECIPE, asdict(settings)], sort_keys=True).encode())
    for array in (data.images, data.labels):
        if array is not None:
            digest.update(str(array.shape).encode())
            digest.update(np.ascontiguousarray(array).data)
    if data.inverted:
        digest.update(b"inverted")
    cache = (cache_dir if cache_dir is not None else default_cache_dir()) / "latent"
    return cache / f"{digest.hexdigest()[:16]}.safetensors"


def frozen_parts(
    settings: PartsSettings,
    data: LatentImages,
    *,
    cache_dir: Path | None = None,
    say: Callable[[str], None] = lambda line: None,
) -> FrozenParts:
    """The frozen parts for `data` (a training split): from the cache, or trained now and kept there.

    Auto-encoder and classifier are kept by themselves too: settings that differ in the GAN's alone share them.

    A damaged file in the cache is named in a warning and replaced. Several processes may train the same parts at once;
    those of the first to finish are kept, and returned to all. Their report's "made_of" tells the settings and data,
    "inverted" whether the data's files have a bright ground.

    Args:
      settings: of the training.
      data: training images.
      cache_dir: default `$IMPASTO_CACHE` or `~/.cache/impasto`.
      say: told, in one line each, how far the training is.

    Raises:
      GateError: (a ValueError) the GAN does not cover the classes; says which.
      DataError: the cache can not be written.
    """
    path = parts_path(settings, data, cache_dir)
    below = path.with_name(f"readers-{parts_path(settings.of_readers(), data, cache_dir).name}")

    def parts() -> FrozenParts:
        readers = _kept(below, lambda: train_readers(data.images, data.labels, len(data.classes), settings, say))
        made = train_on_readers(readers, data.images, data.labels, settings, say)
        made.report["inverted"] = data.inverted
        return made

    return _kept(path, parts)


def _kept(path: Path, make: Callable[[], FrozenParts]) -> FrozenParts:
    """Parts from the cache at `path`, or made now and kept there; their report's "made_of" names the file."""
    parts = load_or_make(path, FrozenParts.load, make, FrozenParts.save)
    parts.report["made_of"] = path.stem
    return parts


def keep_in_run(parts: FrozenParts, folder: Path) -> None:
    """Write a run's parts into its folder, at once: a GAN trained again would be another one."""
    with TemporaryDirectory(dir=folder, prefix=".parts.") as temporary:
        parts.save(Path(temporary) / PARTS)
        (Path(temporary) / PARTS).replace(folder / PARTS)


def parts_of_run(folder: Path) -> FrozenParts:
    """The parts that a run was trained on. UserError where its folder does not hold them."""
    try:
        return FrozenParts.load(folder / PARTS)
    except ValueError as error:
        raise UserError(f"{error}; the run's networks mean nothing without those they were trained on") from None


def parts_identity(parts: FrozenParts) -> str:
    """Hash of all weights and statistics, 16 hexadecimal digits: figures compare under the same parts only."""
    digest = hashlib.sha256()
    for name, value in sorted(parts.state_dict().items()):
        digest.update(f"{name} {tuple(value.shape)} ".encode())
        digest.update(value.contiguous().numpy().tobytes())
    return digest.hexdigest()[:16]
