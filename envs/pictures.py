"""Pictures to learn to reproduce: photos of installed packages and made-up ones; crops at many scales."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from envs.data_files import DataError
from envs.deep_color import LUMA

TRAINING_PHOTOS = {
    "skimage": (
        "data/brick.png",
        "data/camera.png",
        "data/chelsea.png",
        "data/coins.png",
        "data/grass.png",
        "data/gravel.png",
        "data/hubble_deep_field.jpg",
        "data/ihc.png",
        "data/moon.png",
        "data/motorcycle_left.png",
        "data/retina.jpg",
        "data/rocket.jpg",
    ),
    "sklearn": ("datasets/images/flower.jpg",),
    "matplotlib": ("mpl-data/sample_data/grace_hopper.jpg",),
}
"""Photos by package and path in it; all are in the public domain, CC0, or CC BY (`flower.jpg`); see docs/search.md."""
TEST_PHOTOS = {"skimage": ("data/astronaut.png", "data/coffee.png"), "sklearn": ("datasets/images/china.jpg",)}
"""Never trained on; likewise (`china.jpg` is CC BY)."""
TRAINING_CROPS, TEST_CROPS = 4000, 500
"""Crops of the data set `pictures`."""

MADE_UP_SIZE = 512


def photo_paths(photos: dict[str, tuple[str, ...]]) -> list[Path]:
    """Find the photos that installed packages keep; nothing of them is imported.

    Raises:
        DataError: a package is not installed, or has no such file.
    """
    paths = []
    for package, names in photos.items():
        found = importlib.util.find_spec(package)
        if found is None or not found.submodule_search_locations:
            raise DataError(
                f"pictures: its photos come with {package}, which is not installed; pip install impasto[pictures]"
            )
        for name in names:
            path = Path(found.submodule_search_locations[0]) / name
            if not path.is_file():
                raise DataError(f"{path}: this version of {package} does not bring this photo; install another")
            paths.append(path)
    return paths


def read_photos(photos: dict[str, tuple[str, ...]]) -> list[NDArray[np.uint8]]:
    """uint8 [h, w, 3] each."""
    return [np.asarray(Image.open(path).convert("RGB")) for path in photo_paths(photos)]


def dead_leaves(rng: np.random.Generator, size: int = MADE_UP_SIZE) -> NDArray[np.uint8]:
    """A made-up picture, uint8 [size, size, 3]: shapes of all sizes that lie on each other, in light from one side.

    Sizes follow the power law of occluding objects, whose statistics are those of photos (Lee, Mumford and Huang 2001).
    """
    palette = rng.random((rng.integers(3, 9), 3)) * rng.uniform(0.4, 1.0) + rng.uniform(0, 0.3)
    image = Image.new("RGB", (size, size))
    draw = ImageDraw.Draw(image)
    smallest, largest = rng.uniform(2, 12), size * rng.uniform(0.2, 0.5)
    for _ in range(int(rng.integers(150, 1500))):
        # p(r) ~ r^-3 between the bounds, by inversion
        u = rng.random()
        radius = (smallest**-2 + u * (largest**-2 - smallest**-2)) ** -0.5
        y, x = rng.random(2) * size
        color = np.clip(palette[rng.integers(len(palette))] + rng.normal(0, 0.08, 3), 0, 1) * 255
        fill = tuple(color.astype(int).tolist())
        if rng.random() < 0.5:
            squeeze = rng.uniform(0.3, 1)
            draw.ellipse((x - radius, y - radius * squeeze, x + radius, y + radius * squeeze), fill=fill)
        else:
            angle = np.sort(rng.random(int(rng.integers(3, 7)))) * 2 * np.pi
            draw.polygon([(x + radius * np.cos(a), y + radius * np.sin(a)) for a in angle], fill=fill)
    pixels = np.asarray(image).astype(np.float32)
    # Light from one side, and a soft texture.
    yy, xx = np.mgrid[0:size, 0:size] / size - 0.5
    light = 1 + rng.normal(0, 0.3) * yy + rng.normal(0, 0.3) * xx
    coarse = Image.fromarray(rng.normal(0, 1, (rng.integers(4, 64),) * 2).astype(np.float32)).resize((size, size), 3)
    pixels = pixels * light[..., None] + np.asarray(coarse)[..., None] * rng.uniform(0, 20)
    bounded: NDArray[np.uint8] = pixels.clip(0, 255).astype(np.uint8)
    return bounded


@dataclass(frozen=True)
class Crop:
    """A square of a picture, turned and recolored.

    Attributes:
        picture: index.
        turn: 0 to 7, by quarters, from 4 on mirrored.
        y, x, side: in pixels of the turned picture.
        order: of the color channels.
        gain, bias: of the colors.
    """

    picture: int
    turn: int
    y: float
    x: float
    side: float
    order: tuple[int, int, int]
    gain: float
    bias: float

    def part(self, y: float, x: float) -> Crop:
        """A square of half its side, whose corner is at these shares of it."""
        return replace(self, y=self.y + y * self.side, x=self.x + x * self.side, side=self.side / 2)


class Pictures:
    """Pictures and random crops of them."""

    def __init__(self, pictures: list[NDArray[np.uint8]], rng: np.random.Generator) -> None:
        """`pictures` are uint8 [h, w, 3]; `rng` draws the crops."""
        self.pictures, self.rng = pictures, rng
        self.share = np.array([1.0] * len(pictures)) / len(pictures)

    @classmethod
    def training(cls, rng: np.random.Generator, made_up: int = 150) -> Pictures:
        """The photos to learn from, half of the draws, and made-up pictures, the other half."""
        photos = read_photos(TRAINING_PHOTOS)
        found = cls(photos + [dead_leaves(rng) for _ in range(made_up)], rng)
        weights = [0.5 / len(photos)] * len(photos) + [0.5 / max(1, made_up)] * made_up
        found.share = np.array(weights) / np.sum(weights)
        return found

    def draw(self, count: int, smallest: float) -> list[Crop]:
        """Random crops whose sides are at least `smallest` pixels, where the picture is as large."""
        rng, crops = self.rng, []
        for picture in rng.choice(len(self.pictures), count, p=self.share):
            turn = int(rng.integers(8))
            height, width = self.turned(int(picture), turn).shape[:2]
            limit = min(height, width)
            side = float(np.exp(rng.uniform(np.log(min(smallest, limit)), np.log(limit))))
            first, second, third = (0, 1, 2) if rng.random() < 0.6 else rng.permutation(3).tolist()
            order = (first, second, third)
            y, x = rng.random() * (height - side), rng.random() * (width - side)
            gain, bias = float(np.exp(rng.normal(0, 0.2))), float(rng.normal(0, 15))
            crops.append(Crop(int(picture), turn, y, x, side, order, gain, bias))
        return crops

    def turned(self, picture: int, turn: int) -> NDArray[np.uint8]:
        """A view of a picture."""
        pixels = self.pictures[picture] if turn < 4 else self.pictures[picture][:, ::-1]
        return np.rot90(pixels, turn % 4)

    def pixels(self, crops: list[Crop], size: int) -> NDArray[np.uint8]:
        """The crops at the size of a canvas: uint8 [N, size, size, 3]."""
        result = np.empty((len(crops), size, size, 3), np.uint8)
        for i, crop in enumerate(crops):
            whole = self.turned(crop.picture, crop.turn)
            top, left = int(crop.y), int(crop.x)
            cut = whole[top : int(np.ceil(crop.y + crop.side)) + 1, left : int(np.ceil(crop.x + crop.side)) + 1]
            x, y = crop.x - left, crop.y - top
            box = (x, y, min(x + crop.side, cut.shape[1]), min(y + crop.side, cut.shape[0]))
            image = Image.fromarray(np.ascontiguousarray(cut)).resize((size, size), Image.Resampling.LANCZOS, box=box)
            colored = np.asarray(image)[..., list(crop.order)].astype(np.float32)
            result[i] = ((colored - 128) * crop.gain + 128 + crop.bias).clip(0, 255)
        return result


def load_pictures(split: Literal["train", "test"], *, size: int, channels: Literal[1, 3]) -> NDArray[np.uint8]:
    """The data set `pictures`: the same random crops each time, of other photos in each split.

    Args:
        split: 4000 crops of `TRAINING_PHOTOS` and of made-up pictures, half of each, or 500 of `TEST_PHOTOS`.
        size: height and width in pixels.
        channels: 1 for gray, 3 for RGB.

    Returns:
        uint8 [N, size, size, channels].

    Raises:
        DataError: a package that brings photos is not installed.
    """
    train = split == "train"
    rng = np.random.default_rng(0 if train else 1)
    pictures = Pictures.training(rng) if train else Pictures(read_photos(TEST_PHOTOS), rng)
    crops = pictures.draw(TRAINING_CROPS if train else TEST_CROPS, min(size, 128))
    found = pictures.pixels(crops, size)
    if channels == 3:
        return found
    gray = found.astype(np.float32) @ LUMA
    return gray.round().astype(np.uint8)[..., None]
