"""Cache of frozen parts: loaded, or trained once and kept."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cluster.errors import UserError
from envs.data_files import default_cache_dir, load_or_make
from envs.fitting import Framing
from envs.latent.data import LatentImages
from envs.latent.parts import FrozenParts
from learners.latent_parts.settings import PartsSettings
from learners.latent_parts.train import train_on_readers, train_readers

#: Raised when the code that trains the parts changes what it makes.
RECIPE = 2

#: A run's own copy of its parts, in its folder.
PARTS = "parts.safetensors"


def parts_path(settings: PartsSettings, data: LatentImages, cache_dir: Path | None = None) -> Path:
    """Return the cache's path of the parts that these settings make of these data, whether or not they exist."""
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
    """Return the frozen parts for `data` (a training split): from the cache, or trained now and kept there.

    Auto-encoder and classifier are cached separately too: settings that differ only in the GAN share them.

    A damaged file in the cache is named in a warning and replaced. Several processes may train the same parts at once;
    those of the first to finish are kept, and returned to all. In their report, "made_of" names settings and data,
    "inverted" tells whether the data's files have a bright background, and "framing" is their form (`framing_report`).

    Args:
        settings: Of the training.
        data: Training images.
        cache_dir: Default `$IMPASTO_CACHE` or `~/.cache/impasto`.
        say: Takes one line each on the training's progress.

    Raises:
        GateError: (a ValueError) The GAN does not cover the classes; names them.
        DataError: The cache can not be written.
    """
    path = parts_path(settings, data, cache_dir)
    below = path.with_name(f"readers-{parts_path(settings.of_readers(), data, cache_dir).name}")

    def parts() -> FrozenParts:
        readers = _kept(below, lambda: train_readers(data.images, data.labels, len(data.classes), settings, say))
        made = train_on_readers(readers, data.images, data.labels, settings, say)
        made.report |= {"inverted": data.inverted, "framing": framing_report(data.images)}
        return made

    return _kept(path, parts)


def framing_report(images: NDArray[np.uint8]) -> dict[str, Any] | None:
    """Measure the form of training images for a parts' report; None if they have none."""
    framing = Framing.of(images)
    return asdict(framing) if framing else None


def framing_of_report(stored: Any) -> Framing | None:
    """Read what `framing_report` returned, from JSON or not."""
    return Framing(**{**stored, "center": tuple(stored["center"])}) if stored else None


def _kept(path: Path, make: Callable[[], FrozenParts]) -> FrozenParts:
    """Parts from the cache at `path`, or made now and kept there; their report's "made_of" names the file."""
    parts = load_or_make(path, FrozenParts.load, make, FrozenParts.save)
    parts.report["made_of"] = path.stem
    return parts


def keep_in_run(parts: FrozenParts, folder: Path) -> None:
    """Write a run's parts into its folder: a GAN trained again would be another one."""
    with TemporaryDirectory(dir=folder, prefix=".parts.") as temporary:
        parts.save(Path(temporary) / PARTS)
        (Path(temporary) / PARTS).replace(folder / PARTS)


def parts_of_run(folder: Path) -> FrozenParts:
    """Read the parts that a run was trained on.

    Raises:
        UserError: The run's folder does not hold them.
    """
    try:
        return FrozenParts.load(folder / PARTS)
    except ValueError as error:
        raise UserError(f"{error}; the run's networks mean nothing without those they were trained on") from None


def parts_identity(parts: FrozenParts) -> str:
    """Hash all weights and statistics to 16 hexadecimal digits: figures compare under the same parts only."""
    digest = hashlib.sha256()
    for name, value in sorted(parts.state_dict().items()):
        digest.update(f"{name} {tuple(value.shape)} ".encode())
        digest.update(value.contiguous().numpy().tobytes())
    return digest.hexdigest()[:16]
