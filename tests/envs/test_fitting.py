"""A person's own digit: polarity, size, place, color, light and noise; and pictures that are no digits."""

import os
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from envs.fitting import Framing, fit, fit_array, fit_size
from envs.mnist import load_mnist
from tests.helpers.shared_data import shared_path

FIVE = ((9, 6), (19, 6), (19, 12), (11, 13), (19, 15), (19, 21), (9, 22))


def digit(
    size: int = 28, ink: object = 255, ground: object = 0, width: int = 2, mode: str = "L", shift: float = 0.0
) -> Image.Image:
    image = Image.new(mode, (size, size), ground)  # type: ignore[arg-type]
    scale = size / 28
    ImageDraw.Draw(image).line([((x + shift) * scale, y * scale) for x, y in FIVE], fill=ink, width=width)  # type: ignore[arg-type]
    return image


def check_form(image: np.ndarray) -> None:
    """MNIST's form: a box of 20 pixels, the center of mass at pixel 14, bright on a dark ground."""
    assert image.shape == (28, 28, 1)
    assert image.dtype == np.uint8
    image = image[..., 0]
    rows, columns = np.flatnonzero((image > 40).any(1)), np.flatnonzero((image > 40).any(0))
    assert max(np.ptp(rows), np.ptp(columns)) + 1 in (19, 20, 21)
    weight = image / image.sum()
    y, x = (weight.sum(1 - axis) @ np.arange(28) for axis in (0, 1))
    assert abs(y - 14) < 0.75
    assert abs(x - 14) < 0.75
    assert np.median(image) == 0
    assert image.max() > 150


def likeness(one: np.ndarray, other: np.ndarray) -> float:
    """Largest correlation of pixels if an image is moved by at most one pixel each way."""
    moves = [(y, x) for y in (-1, 0, 1) for x in (-1, 0, 1)]
    return max(float(np.corrcoef(np.roll(one, move, (0, 1)).ravel(), other.ravel())[0, 1]) for move in moves)


def alpha() -> Image.Image:
    ink = digit()
    return Image.merge("LA", (ink, ink))


@pytest.mark.parametrize(
    "image",
    [
        digit(),
        digit(ink=0, ground=255),
        digit(ink=(0, 0, 0), ground=(255, 255, 255), mode="RGB"),
        digit(ink=(200, 30, 30), ground=(250, 240, 210), mode="RGB"),
        digit(400, (40, 40, 50), (200, 195, 190), 18, "RGB"),
        digit(3000, 60, 220, 150),
        digit(200, 0, 255, 1),
        digit(shift=6.0),
        digit().convert("P"),
        digit().convert("1"),
        alpha(),
        digit(ink=(0, 0, 0, 255), ground=(0, 0, 0, 0), mode="RGBA"),
        Image.fromarray(np.asarray(digit()).astype(np.uint16) * 257),
        Image.fromarray(np.asarray(digit()).astype(np.float32) / 255),
    ],
    ids=lambda image: f"{image.mode}-{image.width}",
)
def test_every_way_to_hand_over_a_digit_leads_to_the_same(image: Image.Image, tmp_path: Path) -> None:
    image.save(tmp_path / "digit.tif")
    made = fit(tmp_path / "digit.tif").image
    check_form(made)
    expected = fit_array(np.asarray(digit(560, 255, 0, 40), np.float32) / 255).image
    assert likeness(made, expected) > 0.6


def test_changes_are_told() -> None:
    white = np.asarray(digit(56, 0, 255, 4), np.float32) / 255
    turned, scaled, centered = fit_array(white).changes
    assert (turned, centered) == ("turned to bright on dark", "centered")
    assert re.fullmatch(r"scaled from 2\dx3\d pixels of ink", scaled)
    thin = np.asarray(digit(280, 0, 255, 2), np.float32) / 255
    assert "strokes thickened" in fit_array(thin).changes


def test_light_and_noise_are_taken_off() -> None:
    page = np.asarray(digit(300, 255, 0, 18), np.float32) / 255
    y, x = np.mgrid[0:1:300j, 0:1:300j]
    noise = np.random.default_rng(0).normal(0, 0.03, page.shape)
    photo = np.clip((0.7 + 0.2 * x - 0.1 * y) * (1 - 0.6 * page) + noise, 0, 1).astype(np.float32)
    made = fit_array(photo).image
    check_form(made)
    assert likeness(made, fit_array(page).image) > 0.95
    assert (made == 0).mean() > 0.6


def test_dust_is_left_out_and_loose_strokes_are_kept() -> None:
    page = np.asarray(digit(280, 255, 0, 20), np.float32).copy() / 255
    clean = fit_array(page).image
    page[10:14, 10:14] = 1
    np.testing.assert_array_equal(fit_array(page).image, clean)
    page[:] = 0
    page[40:60, 60:200] = page[100:120, 60:200] = 1  # two bars
    rows = fit_array(page).image.max((1, 2)) > 128
    assert 0 < rows.sum() < np.ptp(np.flatnonzero(rows))  # a gap between them


@pytest.mark.parametrize(
    ("picture", "words"),
    [
        (np.zeros((28, 28)), "empty"),
        (np.full((50, 40), 0.7), "empty"),
        (np.random.default_rng(0).random((100, 100)), "plain ground"),
        (np.random.default_rng(0).normal(0.5, 0.01, (100, 100)), "empty"),
        (np.indices((120, 120)).sum(0) // 10 % 2 * 1.0, "plain ground|separate parts|edge"),
        (np.pad(np.ones((60, 90)), ((0, 40), (0, 10))), "plain ground|edge"),
    ],
)
def test_pictures_that_are_no_digits_are_named(picture: np.ndarray, words: str) -> None:
    with pytest.raises(ValueError, match=rf"no .*digit in it: .*({words})"):
        fit_array(picture.astype(np.float32))


def test_several_digits_are_refused() -> None:
    one = np.asarray(digit(), np.float32) / 255
    with pytest.raises(ValueError, match="6 separate parts; cut one digit out"):
        fit_array(np.tile(one, (2, 3)))


def test_files_that_are_no_pictures_are_named(tmp_path: Path) -> None:
    (tmp_path / "page.png").write_text("<html>404</html>")
    with pytest.raises(ValueError, match=r"page.png: is not an image"):
        fit(tmp_path / "page.png")
    with pytest.raises(ValueError, match=r"none.png: no such file"):
        fit(tmp_path / "none.png")
    digit(300).save(tmp_path / "cut.png")
    content = (tmp_path / "cut.png").read_bytes()
    (tmp_path / "cut.png").write_bytes(content[: len(content) // 2])
    with pytest.raises(ValueError, match=r"cut.png: can not be read as an image"):
        fit(tmp_path / "cut.png")
    Image.new("L", (28, 28)).save(tmp_path / "empty.png")
    with pytest.raises(ValueError, match=r"empty.png: no digit in it"):
        fit(tmp_path / "empty.png")


def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.png")
    for read in (fit, lambda path: fit_size(path, (20, 20, 1))):
        with pytest.raises(ValueError, match=rf"^{tmp_path}/pipe.png is no regular file$"):
            read(tmp_path / "pipe.png")


def test_what_fits_on_no_ground_is_named_once_with_its_path(tmp_path: Path) -> None:
    """Transparent, so that it is tried on white and on black."""
    Image.new("LA", (40, 40), (128, 0)).save(tmp_path / "clear.png")
    with pytest.raises(ValueError, match=rf"^{tmp_path}/clear.png: no digit in it: [^/]*$"):
        fit(tmp_path / "clear.png")
    spots = Image.new("LA", (60, 60), (0, 0))
    for y, x in [(y, x) for y in (10, 30, 50) for x in (10, 30, 50)]:
        spots.paste((90, 255), (x - 3, y - 3, x + 3, y + 3))
    spots.save(tmp_path / "spots.png")
    with pytest.raises(ValueError, match=rf"^{tmp_path}/spots.png: no single digit in it: 9 [^/]*$"):
        fit(tmp_path / "spots.png")


def test_another_training_set_has_another_form() -> None:
    images = np.zeros((20, 40, 40, 1), np.uint8)
    images[:, 5:29, 14:22] = 255  # high and to the left
    framing = Framing.of(images)
    assert framing is not None
    assert (framing.height, framing.width, framing.side) == (40, 40, 24.0)
    assert framing.center == (17.0, 18.0)
    made = fit_array(np.asarray(digit(100, 0, 255, 8), np.float32) / 255, framing).image[..., 0]
    rows = np.flatnonzero((made > 40).any(1))
    assert made.shape == (40, 40)
    assert np.ptp(rows) + 1 in (23, 24, 25)
    assert abs((made.sum(1) / made.sum()) @ np.arange(40) - 16.5) < 0.75


def test_data_without_a_form_of_their_own() -> None:
    rng = np.random.default_rng(0)
    assert Framing.of(np.zeros((3, 28, 28, 1), np.uint8)) is None
    assert Framing.of(np.zeros((3, 28, 28, 3), np.uint8)) is None
    assert Framing.of(rng.integers(0, 256, (30, 28, 28, 1), dtype=np.uint8)) is None
    places = np.zeros((30, 40, 40, 1), np.uint8)
    for image, (y, x) in zip(places, rng.integers(4, 20, (30, 2)), strict=True):
        image[y : y + 12, x : x + 5] = 255
    assert Framing.of(places) is None


def test_then_only_size_and_polarity_are_brought(tmp_path: Path) -> None:
    page = Image.new("L", (60, 40), 250)
    page.paste(30, (30, 10, 40, 30))
    page.save(tmp_path / "a.png")
    fitted = fit_size(tmp_path / "a.png", (20, 20, 1))
    assert fitted.changes == ("turned to bright on dark", "cut and resized from 60x40 pixels")
    assert fitted.image.shape == (20, 20, 1)
    assert fitted.image[0, 0, 0] == 5
    assert fitted.image[10, 12, 0] == 225
    Image.new("L", (20, 20), 255).save(tmp_path / "empty.png")
    with pytest.raises(ValueError, match=r"empty.png: nothing in it"):
        fit_size(tmp_path / "empty.png", (20, 20, 1))
    Image.new("RGB", (8, 8), (250, 0, 0)).save(tmp_path / "b.png")
    same = fit_size(tmp_path / "b.png", (8, 8, 3))
    assert same.changes == ()
    assert (same.image == [250, 0, 0]).all()


def test_mnist_is_left_as_it_is_and_found_again_in_photos() -> None:
    images, _ = load_mnist("test", data_dir=shared_path("data/MNIST").parent)
    digits = images[:200].astype(np.float32) / 255
    framing = Framing.of(images[:1000, ..., None])
    assert framing is not None
    assert framing.side == Framing().side
    np.testing.assert_allclose(framing.center, Framing().center, atol=0.1)
    rng = np.random.default_rng(0)
    alike = []
    for whole in digits:
        same = fit_array(whole)
        assert not same.changes
        np.testing.assert_array_equal(same.image[..., 0], np.round(whole * 255))
    for whole in digits[:40]:
        big = np.asarray(Image.fromarray(whole).resize((280, 280), Image.Resampling.BICUBIC))
        page = np.pad(big, rng.integers(10, 150, (2, 2)))
        photo = 0.9 - 0.6 * page + rng.normal(0, 0.02, page.shape)
        made = fit_array(np.clip(photo, 0, 1).astype(np.float32)).image
        alike.append(np.corrcoef(made.ravel(), whole.ravel())[0, 1])
    assert np.mean(alike) > 0.9
