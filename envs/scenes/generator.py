"""The scenes that are to be reproduced: seeded, drawn once, kept in the cache with their objects.

A scene depends on the seed, its split and its index alone, so fewer scenes are the first of more, and an interrupted
generation goes on with the shard that it was at.
"""

from __future__ import annotations

import dataclasses
import hashlib
import io
import json
import math
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from envs.data_files import DataError, default_cache_dir, make_cache_dir, write_atomically
from envs.scenes.camera import Camera
from envs.scenes.config import ATTRIBUTES, TYPES, SceneConfig
from envs.scenes.rendering import SHAPES, WORLD, shared_renderer

Split = Literal["train", "test"]

HELD_OUT_SCENES = 1_000
"""Scenes that no agent learns from, and the objects of a scene at most (Ganin et al. 2018, section 5.4)."""
MOST_OBJECTS = 5
SHARD = 5_000
DRAWS = 1_000
"""Tries at a scene whose objects leave each other free; the default world needs a few."""
VISIBLE_DISTANCE = 0.9
"""Two objects' middles are no nearer in the picture than this share of the sum of their radii, so that all are visible.
"""


@dataclass(frozen=True)
class SceneSet:
    """Scenes and their objects.

    Attributes:
        images: uint8 [N, H, W, 3].
        objects: int16 [N, 5, 6], `ATTRIBUTES` of each object; rows from `counts[i]` on mean nothing.
        counts: int64 [N], objects in each scene, 1 to 5.
    """

    images: NDArray[np.uint8]
    objects: NDArray[np.int16]
    counts: NDArray[np.int64]


class Layout:
    """Rules for places of objects: none touches another on the floor, none hides another in the picture."""

    def __init__(self, config: SceneConfig) -> None:
        self.sizes = config.attribute_sizes
        self.radii = config.object_radii
        self.floor = config.places.tolist()
        # The middle of an object of each type, size and place across the line of sight.
        heights = np.array([[SHAPES[name][1] * radius for radius in self.radii] for name in TYPES])
        points = np.empty((*heights.shape, len(config.places), 3))
        points[..., :2], points[..., 2] = config.places, heights[..., None]
        self.picture = (points @ Camera().axes[:2].T).tolist()

    def apart(self, one: Sequence[int], other: Sequence[int]) -> bool:
        """True if two objects (type, location, size, ...) leave each other free."""
        reach = self.radii[one[2]] + self.radii[other[2]]
        if math.dist(self.floor[one[1]], self.floor[other[1]]) < reach:
            return False
        middles = [self.picture[each[0]][each[2]][each[1]] for each in (one, other)]
        return math.dist(*middles) >= VISIBLE_DISTANCE * reach

    def random_scene(self, rng: np.random.Generator) -> list[list[int]]:
        """Draw the attributes of one to five objects uniformly, again until they leave each other free.

        Raises:
            DataError: they never do.
        """
        count = int(rng.integers(1, MOST_OBJECTS + 1))
        for _ in range(DRAWS):
            objects: list[list[int]] = []
            for candidate in rng.integers(0, self.sizes, (10 * count, len(ATTRIBUTES))).tolist():
                if all(self.apart(candidate, other) for other in objects):
                    objects.append(candidate)
                if len(objects) == count:
                    return objects
        raise DataError(
            f"scenes: {count} objects do not fit beside each other; give a larger scene_grid or smaller object_radii"
        )


def make_scenes(first: int, last: int, split: Split, seed: int, config: SceneConfig) -> SceneSet:
    """Draw the scenes `first` to `last` (not included) of a split."""
    total = last - first
    objects = np.zeros((total, MOST_OBJECTS, len(ATTRIBUTES)), np.int16)
    counts = np.zeros(total, np.int64)
    layout = Layout(config)
    for row in range(total):
        rng = np.random.default_rng([seed, ("train", "test").index(split), first + row])
        scene = layout.random_scene(rng)
        objects[row, : len(scene)], counts[row] = scene, len(scene)
    return SceneSet(shared_renderer(config).render_all(objects, counts), objects, counts)


def recipe(config: SceneConfig, seed: int) -> str:
    """Hash of everything that a scene's look depends on; the cache keeps the scenes of each hash apart."""
    parts: list[Any] = [
        dataclasses.asdict(config),
        dataclasses.asdict(Camera()),
        WORLD,
        SHAPES,
        VISIBLE_DISTANCE,
        MOST_OBJECTS,
    ]
    for name in ("scene_actions", "training_scenes", "renderer"):  # these do not change a scene
        del parts[0][name]
    return hashlib.sha256(json.dumps([*parts, seed], sort_keys=True).encode()).hexdigest()[:12]


def load_scenes(
    split: Split = "train",
    count: int | None = None,
    *,
    seed: int = 0,
    config: SceneConfig | None = None,
    cache_dir: Path | None = None,
) -> SceneSet:
    """Load the first `count` scenes of a split; those that are not in the cache yet are drawn now (2 000 a second).

    The cache holds shards of 5 000 scenes with their SHA-256; one that is missing or damaged is drawn again.

    Args:
        split: `train` or `test`, which share no scene.
        count: number of scenes; by default the configuration's `training_scenes`, and 1 000 held-out ones.
        seed: other seeds give other scenes.
        config: settings of the world that draws them.
        cache_dir: folder of the cache; default `$IMPASTO_CACHE` or `~/.cache/impasto`.

    Raises:
        ValueError: no OpenGL library, a cache that can not be written, or a count below 1.
    """
    config = config or SceneConfig()
    if count is None:
        count = config.training_scenes if split == "train" else HELD_OUT_SCENES
    if count < 1:
        raise DataError(f"scenes: expected at least 1 scene, got {count}")
    folder = make_cache_dir((cache_dir or default_cache_dir()) / "scenes" / f"{recipe(config, seed)}-{split}")
    parts = []
    for first in range(0, count, SHARD):
        last = min(first + SHARD, count)
        path = folder / f"{first:06d}-{last:06d}.npz"
        shard = read_shard(path)
        if shard is None:
            shard = make_scenes(first, last, split, seed, config)
            write_shard(path, shard)
        parts.append(shard)
    if len(parts) == 1:
        return parts[0]
    names = [field.name for field in dataclasses.fields(SceneSet)]
    return SceneSet(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))


def write_shard(path: Path, shard: SceneSet) -> None:
    """Write a shard, then its hash: a shard without one was not finished."""
    buffer = io.BytesIO()
    np.savez(buffer, images=shard.images, objects=shard.objects, counts=shard.counts)
    content = buffer.getvalue()
    write_atomically(path, content)
    write_atomically(path.with_suffix(".sha256"), hashlib.sha256(content).hexdigest().encode())


def read_shard(path: Path) -> SceneSet | None:
    """Read a shard; None if it is missing or damaged."""
    try:
        content, expected = path.read_bytes(), path.with_suffix(".sha256").read_text()
    except OSError:
        return None
    if hashlib.sha256(content).hexdigest() != expected.strip():
        return None
    try:
        with np.load(io.BytesIO(content)) as arrays:
            return SceneSet(arrays["images"], arrays["objects"], arrays["counts"])
    except (KeyError, ValueError, zipfile.BadZipFile):
        return None
