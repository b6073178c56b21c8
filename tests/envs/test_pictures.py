"""Made-up pictures and crops; photos of packages only where these are installed."""

import numpy as np
import pytest

from envs import pictures
from envs.data_files import DataError
from envs.pictures import Pictures, dead_leaves


def test_made_up_pictures_are_the_same_for_a_seed_and_not_flat() -> None:
    first, second = (dead_leaves(np.random.default_rng(4), 64) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    assert first.shape == (64, 64, 3)
    assert first.std() > 5


def test_crops_lie_in_their_pictures_and_a_part_is_a_part() -> None:
    rng = np.random.default_rng(0)
    y, x = np.mgrid[0:120, 0:160]
    plain = np.stack([y, x, 0 * y], -1).astype(np.uint8)
    found = Pictures([plain], rng)
    for crop in found.draw(50, 32):
        height, width = found.turned(crop.picture, crop.turn).shape[:2]
        assert 32 <= crop.side <= 120
        assert 0 <= crop.y <= height - crop.side
        assert 0 <= crop.x <= width - crop.side
    crop = found.draw(1, 64)[0]
    whole, part = found.pixels([crop], 64)[0], found.pixels([crop.part(0.5, 0.0)], 32)[0]
    np.testing.assert_allclose(part.astype(int)[4:-4, 4:-4], whole.astype(int)[36:60, 4:28], atol=4)


def test_a_missing_package_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(DataError, match=r"comes? with skimage, which is not installed"):
        pictures.photo_paths({"skimage": ("data/astronaut.png",)})
