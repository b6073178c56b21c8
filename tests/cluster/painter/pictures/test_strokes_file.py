"""Strokes are read back from their file as they were written, and a file of something else is one line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cluster.errors import UserError
from cluster.painter.pictures import strokes_file
from cluster.painter.pictures.formats import write
from cluster.painter.pictures.strokes_file import Painting, exact
from envs import untrusted
from envs.large_canvas import StrokeList


def test_strokes_survive_their_file(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    points = [rng.uniform(0, 500, (9, 2)) for _ in range(3)]
    strokes = exact(
        StrokeList(*points, rng.uniform(1, 90, 9), rng.random((9, 3)), rng.random(9), np.arange(9), rng.random(9))
    )
    written = Painting(640, 500, "classic/pen", strokes, {"agent": "none", "seed": 3})
    read = Painting.load(written.save(tmp_path / "strokes.json"))
    assert (read.width, read.height, read.brush, read.about) == (640, 500, "classic/pen", written.about)
    for name in ("start", "control", "end", "radius", "color", "pressure", "stage"):
        np.testing.assert_array_equal(getattr(read.strokes, name), getattr(strokes, name))
    nothing = Painting(5, 5, "classic/pen", StrokeList.join([]), {})
    assert len(Painting.load(nothing.save(tmp_path / "none.json")).strokes) == 0


def test_more_strokes_than_are_read_back_are_not_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(strokes_file, "LARGEST_DOCUMENT", 1000)
    monkeypatch.setattr(untrusted.read_json, "__defaults__", (1000,))
    numbers = np.zeros(30)
    points = np.zeros((30, 2))
    strokes = StrokeList(points, points, points, numbers, np.zeros((30, 3)), numbers, numbers.astype(np.int64), numbers)
    pixels = np.zeros((5, 5, 3), np.uint8)
    many = Painting(5, 5, "classic/pen", strokes, {})
    with pytest.raises(
        UserError, match=rf"^{tmp_path}/a.json: 30 strokes take \d+ bytes, more than the 1000 .*: paint"
    ):
        write(many, pixels, tmp_path, "a", ("json", "png", "svg"))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.png", "a.svg"]
    few = Painting(5, 5, "classic/pen", strokes[:5], {})
    assert len(Painting.load(few.save(tmp_path / "few.json")).strokes) == 5


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format": "impasto-strokes", "version": 9, "columns": []}'])
def test_other_files_are_one_line(text: str, tmp_path: Path) -> None:
    (tmp_path / "other.json").write_text(text)
    with pytest.raises(UserError, match=r"other.json: not strokes"):
        Painting.load(tmp_path / "other.json")
    with pytest.raises(UserError, match="No such file"):
        Painting.load(tmp_path / "missing.json")
