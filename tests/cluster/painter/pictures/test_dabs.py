"""SVG with every dab, as a browser draws it, is the painting."""

from __future__ import annotations

import subprocess
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from cluster.cli.arguments.pictures import Paint
from cluster.errors import UserError
from cluster.painter.pictures.dabs import write_svg_dabs
from cluster.painter.pictures.strokes_file import Painting
from envs.large_canvas import StrokeList
from tests.cluster.dashboard.browser import chromium

SIZE = 96


def painting_by(brush: str, count: int = 25) -> Painting:
    rng = np.random.default_rng(3)
    points = [rng.uniform(10, SIZE - 10, (count, 2)) for _ in range(3)]
    radius, color, numbers = rng.uniform(3, 9, count), rng.random((count, 3)), np.zeros(count)
    window = np.full((count, 3), np.nan)
    strokes = StrokeList(*points, radius, color, numbers + 0.7, numbers.astype(np.int64), numbers, window)
    return Painting(SIZE, SIZE, brush, strokes, {})


def pixels_of(painting: Painting) -> np.ndarray:
    canvas = painting.canvas()
    canvas.paint(painting.strokes)
    return painting.cut(canvas.pixels())


@pytest.mark.skipif(chromium() is None, reason="there is no Chromium to draw the SVG")
@pytest.mark.parametrize("brush", ["classic/pen", "classic/dry_brush", "deevad/basic_digital_brush"])
def test_a_browser_draws_the_dabs_as_the_painting(tmp_path: Path, brush: str) -> None:
    painting = painting_by(brush)
    painted, path = pixels_of(painting), tmp_path / "dabs.svg"
    write_svg_dabs(painting, painted, path)
    shot = tmp_path / "shot.png"
    subprocess.run(
        [
            str(chromium()), "--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
            f"--user-data-dir={tmp_path / 'profile'}", f"--window-size={SIZE},{SIZE + 200}",
            f"--screenshot={shot}", path.as_uri(),
        ],
        check=True, capture_output=True, timeout=120,
    )  # fmt: skip
    drawn = np.asarray(Image.open(shot).convert("RGB"), np.float64)[:SIZE, :SIZE]
    error = np.square((drawn - painted) / 255).mean()
    blank = np.square((255.0 - painted) / 255).mean()
    assert error < 0.02 * blank, (error, blank)


def test_a_dab_is_a_shape(tmp_path: Path) -> None:
    painting = painting_by("classic/pen", 3)
    canvas = painting.canvas()
    canvas.painter.record_dabs(True)
    canvas.paint(painting.strokes)
    dabs = canvas.painter.take_dabs(0)
    assert dabs.shape[1] == 13
    assert len(canvas.painter.take_dabs(0)) == 0
    path = tmp_path / "dabs.svg"
    write_svg_dabs(painting, canvas.pixels(), path)
    names = [element.tag.rsplit("}")[-1] for element in ElementTree.parse(path).iter()]
    assert names.count("circle") + names.count("ellipse") == len(dabs) > 30


def test_a_brush_that_only_colorizes_is_refused(tmp_path: Path) -> None:
    brush = tmp_path / "colorize.myb"
    brush.write_text(
        '{"version": 3, "settings": {"opaque": {"base_value": 1, "inputs": {}}, '
        '"dabs_per_actual_radius": {"base_value": 2, "inputs": {}}, '
        '"colorize": {"base_value": 1, "inputs": {}}}}'
    )
    with pytest.raises(UserError, match=r"--svg dabs: the brush .* changes colors that are there"):
        write_svg_dabs(painting_by(str(brush)), np.zeros((SIZE, SIZE, 3), np.uint8), tmp_path / "a.svg")
    assert not list(tmp_path.glob("*.svg*"))


def test_dabs_ask_for_the_format() -> None:
    assert Paint(images=("a.png",), svg="dabs").formats == ("png", "json", "svg")
    assert Paint(images=("a.png",)).formats == ("png", "json")
