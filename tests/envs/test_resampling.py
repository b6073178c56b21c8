import numpy as np
import pytest
from PIL import Image

from envs.resampling import resampling_matrix, resize_images

RNG = np.random.default_rng(0)


@pytest.mark.parametrize(("source", "target"), [(28, 32), (32, 16), (100, 64), (32, 64), (5, 5), (1, 7), (7, 1)])
def test_weights_sum_to_one(source: int, target: int) -> None:
    weights = resampling_matrix(source, target)
    assert weights.shape == (target, source)
    np.testing.assert_allclose(weights.sum(axis=1), 1.0, rtol=1e-6)


def test_the_same_size_is_the_identity() -> None:
    np.testing.assert_array_equal(resampling_matrix(6, 6), np.eye(6, dtype=np.float32))
    images = RNG.integers(0, 256, (2, 6, 6, 3), dtype=np.uint8)
    np.testing.assert_array_equal(resize_images(images, 6), images)


def test_halving_is_the_rounded_average_of_four() -> None:
    images = RNG.integers(0, 256, (3, 64, 64, 1), dtype=np.uint8)
    wide = images[..., 0].astype(np.uint16)
    average = (wide[:, ::2, ::2] + wide[:, 1::2, ::2] + wide[:, ::2, 1::2] + wide[:, 1::2, 1::2] + 2) >> 2
    np.testing.assert_array_equal(resize_images(images, 32)[..., 0], average)


def test_area_counts_partly_covered_pixels() -> None:
    np.testing.assert_allclose(resampling_matrix(3, 2), [[2 / 3, 1 / 3, 0], [0, 1 / 3, 2 / 3]], rtol=1e-6)


def test_enlarging_is_pillows_bicubic() -> None:
    images = RNG.integers(0, 256, (4, 20, 20, 3), dtype=np.uint8)
    for image, resized in zip(images, resize_images(images, 64), strict=True):
        for channel in range(3):  # in float, because Pillow's 8-bit images are clipped between the two passes
            plane = Image.fromarray(image[..., channel].astype(np.float32))
            expected = np.asarray(plane.resize((64, 64), Image.Resampling.BICUBIC)).clip(0, 255)
            np.testing.assert_allclose(resized[..., channel], expected, atol=0.51)


def test_shapes_and_chunks() -> None:
    images = RNG.integers(0, 256, (9, 300, 200, 3), dtype=np.uint8)
    whole = resize_images(images, 16)
    np.testing.assert_array_equal(whole, np.concatenate([resize_images(images[i : i + 1], 16) for i in range(9)]))
    wide = resize_images(images, 250)
    assert wide.shape == (9, 250, 250, 3)
    assert resize_images(images[:0], 16).shape == (0, 16, 16, 3)


@pytest.mark.parametrize(
    "images", [np.zeros((2, 4, 4, 1)), np.zeros((4, 4, 1), np.uint8), np.zeros((1, 0, 4, 1), np.uint8)]
)
def test_bad_arrays_are_refused(images: np.ndarray) -> None:
    with pytest.raises(ValueError, match="images: expected uint8"):
        resize_images(images, 8)
