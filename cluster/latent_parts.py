"""Frozen parts from the cache, or trained now and kept there."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
import warnings
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import numpy as np

from envs.data_files import default_cache_dir, make_cache_dir
from envs.latent.data import LatentImages
from envs.latent.parts import FrozenParts
from learners.latent_parts.settings import PartsSettings
from learners.latent_parts.train import train_parts

#: Raised when the code that trains the parts changes what it makes.
RECIPE = 1


def parts_path(settings: PartsSettings, data: LatentImages, cache_dir: Path | None = None) -> Path:
    """Where the cache keeps the parts made with these settings of these data, whether or not they are there."""
    digest = hashlib.sha256(json.dumps([RECIPE, asdict(settings)], sort_keys=True).encode())
    for array in (data.images, data.labels):
        if array is not None:
            digest.update(str(array.shape).encode())
            digest.update(np.ascontiguousarray(array).data)
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

    A damaged file in the cache is named in a warning and replaced. Several processes may train the same parts at once;
    the last to finish is kept.

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
    if path.exists():
        try:
            return FrozenParts.load(path)
        except ValueError as error:
            warnings.warn(f"{error}: training them anew", stacklevel=2)
    make_cache_dir(path.parent)
    parts = train_parts(data.images, data.labels, len(data.classes), settings, say)
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.stem}.")
    os.close(descriptor)
    try:
        parts.save(Path(temporary))
        os.chmod(temporary, 0o644)  # a cache may be shared
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    return parts
