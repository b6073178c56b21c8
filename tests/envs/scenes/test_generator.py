"""Generated scenes: seeded, all objects visible, cached in shards that are made again when damaged."""

from pathlib import Path

import numpy as np
import pytest

from envs.scenes import generator
from envs.scenes.config import SceneConfig
from envs.scenes.generator import Layout, load_scenes
from envs.scenes.rendering import shared_renderer
from tests.envs.scenes.needs_opengl import draws


def test_layouts_are_free_and_of_all_counts() -> None:
    layout, rng = Layout(SceneConfig()), np.random.default_rng(0)
    scenes = [layout.random_scene(rng) for _ in range(500)]
    counts = np.bincount([len(scene) for scene in scenes], minlength=6)
    assert counts[0] == 0
    assert (counts[1:] > 60).all()
    assert all(layout.apart(one, other) for scene in scenes for one in scene for other in scene if one is not other)
    attributes = np.array([one for scene in scenes for one in scene])
    for column, size in enumerate(SceneConfig().attribute_sizes):
        assert len(np.unique(attributes[:, column])) >= 0.9 * size
    assert not layout.apart([0, 100, 2, 0, 0, 0], [0, 101, 2, 0, 0, 0])


@draws
def test_every_object_can_be_seen(tmp_path: Path) -> None:
    scenes = load_scenes("test", 40, cache_dir=tmp_path)
    renderer = shared_renderer(SceneConfig())
    for image, objects, count in zip(scenes.images, scenes.objects, scenes.counts, strict=True):
        without = np.stack([np.roll(objects, -1 - hidden, 0) for hidden in range(count)])
        keep = np.full(count, count - 1)
        rest = np.stack([np.delete(objects[:count], hidden, 0) for hidden in range(count)])
        assert len(without) == len(rest)
        pictures = renderer.render_all(rest, keep)
        assert ((pictures != image).any(-1).sum((1, 2)) >= 6).all()


@draws
def test_seeded_split_and_a_prefix_of_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(generator, "SHARD", 8)
    few, more = load_scenes("train", 5, cache_dir=tmp_path), load_scenes("train", 20, cache_dir=tmp_path)
    assert more.images.shape == (20, 64, 64, 3)
    np.testing.assert_array_equal(few.images, more.images[:5])
    np.testing.assert_array_equal(few.objects, more.objects[:5])
    assert len(np.unique(more.images, axis=0)) == 20
    assert (load_scenes("test", 5, cache_dir=tmp_path).images != few.images).any((1, 2, 3)).all()
    assert (load_scenes("train", 5, seed=1, cache_dir=tmp_path).images != few.images).any((1, 2, 3)).all()


@draws
def test_the_cache_is_used_resumed_and_repaired(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(generator, "SHARD", 4)
    first = load_scenes("train", 12, cache_dir=tmp_path)
    shards = sorted(tmp_path.rglob("*.npz"))
    assert len(shards) == 3
    drawn: list[int] = []
    make = generator.make_scenes

    def counted(begin: int, *rest: object) -> generator.SceneSet:
        drawn.append(begin)
        return make(begin, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(generator, "make_scenes", counted)
    load_scenes("train", 12, cache_dir=tmp_path)
    assert drawn == []
    shards[0].write_bytes(shards[0].read_bytes()[:-9])  # damaged
    shards[1].with_suffix(".sha256").unlink()  # interrupted between the shard and its hash
    again = load_scenes("train", 12, cache_dir=tmp_path)
    assert drawn == [0, 4]
    np.testing.assert_array_equal(first.images, again.images)


def test_other_worlds_have_scenes_of_their_own() -> None:
    config = SceneConfig()
    assert generator.recipe(config, 0) == generator.recipe(SceneConfig(scene_actions=3, training_scenes=9), 0)
    others = [generator.recipe(SceneConfig(scene_size=32), 0), generator.recipe(config, 1)]
    assert len({generator.recipe(config, 0), *others}) == 3


def test_no_scene_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="at least 1 scene"):
        load_scenes("train", 0, cache_dir=tmp_path)
