"""Pixel equality with libmypaint itself, its own surface included, beyond what the recordings cover."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from reference import ReferencePainter, load_library

from pymypaint import BatchPainter, find_brush

LIBRARY = load_library()
pytestmark = pytest.mark.skipif(LIBRARY is None, reason="libmypaint's shared library is not in the loader's path")


def episode(size: int, steps: int, seed: int) -> Iterator[dict[str, Any]]:
    random = np.random.default_rng(seed)
    levels = np.linspace(0.0, 1.0, 20)
    for _ in range(steps):
        yield {
            "end": random.uniform(0, size, 2),
            "control": random.uniform(0, size, 2),
            "pressure": random.uniform(),
            "log_radius": np.log(random.choice([1.0, 2.0, 4.0, 8.0, 24.0])),
            "color": random.choice(levels, 3),
            "paint": bool(random.uniform() < 0.85),
        }


def differing_pixels(brush: Path, size: int, steps: int, seed: int) -> list[int]:
    """How many pixels differ from libmypaint's own canvas after each stroke."""
    assert LIBRARY is not None
    found: list[int] = []
    reference = ReferencePainter(LIBRARY, brush, size)
    with BatchPainter(1, brush, height=size, width=size) as painter:
        reference.reset(0.5)
        painter.reset(log_radius=0.5)
        for stroke in episode(size, steps, seed):
            reference.stroke(**stroke)
            painter.stroke(**{name: np.array([value]) for name, value in stroke.items()})
            found.append(int(np.any(painter.canvas_fix15()[0] != reference.canvas_fix15(), axis=-1).sum()))
    reference.close()
    return found


def changed(tmp_path: Path, name: str, **settings: float) -> Path:
    """A system brush with other base values."""
    brush: dict[str, Any] = json.loads(find_brush(name).read_text())
    for setting, value in settings.items():
        brush["settings"][setting] = {"base_value": value, "inputs": {}}
    path = tmp_path / "changed.myb"
    path.write_text(json.dumps(brush))
    return path


# Some of each kind: smudging, color dynamics, tracking noise, turned and elliptical dabs, tilt, erasing, snapping.
BRUSHES = [
    *("classic/" + name for name in ("blur", "calligraphy", "impressionism", "ink_eraser", "kabura", "long_grass")),
    *("classic/" + name for name in ("puantilism2", "smudge", "textured_ink", "wet_knife")),
    *("deevad/" + name for name in ("basic_digital_brush", "chalk", "kneaded_eraser")),
    *("experimental/" + name for name in ("1pixel", "bubble", "pixelblocking", "small_blot")),
    *("ramon/Pastel_1", "ramon/Smear", "tanda/splatter-04", "tanda/water-01"),
]


@pytest.mark.parametrize("name", BRUSHES)
@pytest.mark.parametrize("size", [64, 128])
def test_every_kind_of_brush(name: str, size: int) -> None:
    try:
        path = find_brush(name)
    except ValueError:
        pytest.skip(f"this system has no brush {name}")
    assert differing_pixels(path, size, steps=5, seed=3) == [0] * 5


@pytest.mark.parametrize(
    "settings",
    [
        {"lock_alpha": 1.0},
        {"lock_alpha": 0.4, "eraser": 0.5},
        {"colorize": 1.0},
        {"colorize": 0.3},
        {"eraser": 1.0},
        {"eraser": 0.3, "colorize": 0.5, "lock_alpha": 0.2},
        {"hardness": 1.0},
        {"hardness": 1e-3},
        {"elliptical_dab_ratio": 5.0, "elliptical_dab_angle": 33.0},
        {"elliptical_dab_ratio": 40.0, "elliptical_dab_angle": 100.0, "hardness": 1.0},
        {"offset_x": 1.5, "offset_angle_2": 2.0},
        {"opaque": 0.004},
    ],
    ids=str,
)
@pytest.mark.parametrize("name", ["classic/charcoal", "classic/pen"])
def test_blend_modes_and_extremes(name: str, settings: dict[str, float], tmp_path: Path) -> None:
    assert differing_pixels(changed(tmp_path, name, **settings), 128, steps=5, seed=4) == [0] * 5


def test_erased_canvas_is_observed_as_published(tmp_path: Path) -> None:
    brush = changed(tmp_path, "classic/charcoal", eraser=0.9)
    observation = np.empty((1, 64, 64, 3), np.uint8)
    with BatchPainter(1, brush) as painter:
        painter.reset()
        for stroke in episode(64, 12, 5):
            painter.stroke(**{name: np.array([value]) for name, value in stroke.items()}, observation=observation)
        fix15 = painter.canvas_fix15()
    assert (fix15[..., 3] < 1 << 15).any()
    np.testing.assert_array_equal(observation, published_bytes(fix15))


def published_bytes(fix15: NDArray[np.uint16]) -> NDArray[np.uint8]:
    alpha = fix15[..., 3:].astype(np.uint32)
    straight = ((fix15[..., :3].astype(np.uint32) << 15) + alpha // 2) // np.maximum(alpha, 1)
    return ((255 * np.where(alpha == 0, 0, straight) + (1 << 14)) >> 15).astype(np.uint8)
