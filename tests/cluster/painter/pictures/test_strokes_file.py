"""Strokes are read back from their file as they were written, and a file of something else is one line."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cluster import cli
from cluster.errors import UserError
from cluster.painter.pictures import strokes_file
from cluster.painter.pictures.formats import write
from cluster.painter.pictures.strokes_file import COLUMNS, Painting, exact
from envs import untrusted
from envs.large_canvas import StrokeList


def test_strokes_survive_their_file(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    points = [rng.uniform(0, 500, (9, 2)) for _ in range(3)]
    strokes = exact(
        StrokeList(
            *(*points, rng.uniform(1, 90, 9), rng.random((9, 3)), rng.random(9), np.arange(9), rng.random(9)),
            window=rng.uniform(0, 400, (9, 3)),
        )
    )
    l2 = np.array([[0, 0.25], [9, 0.125]])
    written = Painting(640, 500, "classic/pen", strokes, {"agent": "none", "seed": 3}, l2)
    read = Painting.load(written.save(tmp_path / "strokes.json"))
    np.testing.assert_array_equal(read.l2, l2)
    assert (read.width, read.height, read.brush, read.about) == (640, 500, "classic/pen", written.about)
    assert read.fresh_strokes
    for name in ("start", "control", "end", "radius", "color", "pressure", "stage", "window"):
        np.testing.assert_array_equal(getattr(read.strokes, name), getattr(strokes, name))
    nothing = Painting(5, 5, "classic/pen", StrokeList.join([]), {})
    assert len(Painting.load(nothing.save(tmp_path / "none.json")).strokes) == 0


def test_more_strokes_than_are_read_back_are_not_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(strokes_file, "LARGEST_DOCUMENT", 1000)
    monkeypatch.setattr(untrusted.read_json, "__defaults__", (1000,))
    numbers = np.zeros(30)
    points = np.zeros((30, 2))
    strokes = StrokeList(
        points,
        points,
        points,
        numbers,
        np.zeros((30, 3)),
        numbers,
        numbers.astype(np.int64),
        numbers,
        np.full((30, 3), np.nan),
    )
    pixels = np.zeros((5, 5, 3), np.uint8)
    many = Painting(5, 5, "classic/pen", strokes, {})
    with pytest.raises(
        UserError, match=rf"^{tmp_path}/a.json: 30 strokes take \d+ bytes, more than the 1000 .*: paint"
    ):
        write(many, pixels, tmp_path, "a", ("json", "png", "svg"))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.png", "a.svg"]
    few = Painting(5, 5, "classic/pen", strokes[:5], {})
    assert len(Painting.load(few.save(tmp_path / "few.json")).strokes) == 5


def test_a_file_of_version_1_is_painted_as_it_was(tmp_path: Path) -> None:
    old = Path(__file__).parent / "version_1.json"
    painting = Painting.load(old)
    assert len(painting.strokes) == 24
    assert np.isnan(painting.strokes.window).all()
    assert not painting.fresh_strokes
    assert len(painting.l2) == 0
    assert cli.main(["paint", "--from", str(old), "--out", str(tmp_path)]) == 0
    assert (tmp_path / old.name).read_text() == old.read_text()
    painted, before = (np.asarray(Image.open(file)) for file in (tmp_path / "version_1.png", old.with_suffix(".png")))
    np.testing.assert_array_equal(painted, before)


HEAD = json.dumps(
    {"format": "impasto-strokes", "version": 1, "width": 9, "height": 9, "brush": "classic/pen", "columns": COLUMNS}
)[:-1]
STROKE = '[1, 1, 2, 2, 3, 3, 1, 0.5, "#000000", 0, 0.1]'


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("}", "'strokes'"),
        (', "strokes": [[1, 2]]}', "a stroke has 11 values"),
        (', "strokes": [[], [], {}]}', "a stroke has 11 values"),
        (f', "l2": [1, 2, 3], "strokes": [{STROKE}]}}', "reshape"),
        (f', "l2": [[NaN, 2]], "strokes": [{STROKE}]}}', "not all finite"),
        (f', "l2": 7, "strokes": [{STROKE}]}}', "not strokes"),
    ],
)
def test_damaged_strokes_are_one_line(text: str, words: str, tmp_path: Path) -> None:
    (tmp_path / "bad.json").write_text(HEAD + text)
    with pytest.raises(UserError, match=words) as caught:
        Painting.load(tmp_path / "bad.json")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format": "impasto-strokes", "version": 9, "columns": []}'])
def test_other_files_are_one_line(text: str, tmp_path: Path) -> None:
    (tmp_path / "other.json").write_text(text)
    with pytest.raises(UserError, match=r"other.json: not strokes"):
        Painting.load(tmp_path / "other.json")
    with pytest.raises(UserError, match="No such file"):
        Painting.load(tmp_path / "missing.json")


def test_a_padded_or_enlarged_canvas_is_in_the_file(tmp_path: Path) -> None:
    written = Painting(40, 30, "classic/pen", StrokeList.join([]), {}, paper=(64, 65), scale=2.5)
    path = written.save(tmp_path / "strokes.json")
    read = Painting.load(path)
    assert (read.paper, read.scale) == ((64, 65), 2.5)
    canvas = read.canvas()
    assert (canvas.height, canvas.width, read.cut(canvas.pixels()).shape) == (64, 65, (30, 40, 3))
    for name, value in (
        ("paper", [39, 64]),
        ("paper", [5000, 64]),
        ("paper", 3),
        ("scale", 0),
        ("scale", "a"),
        ("fresh_strokes", "no"),
    ):
        path.write_text(json.dumps(json.loads(written.save(path).read_text()) | {name: value}))
        with pytest.raises(UserError, match="not strokes that"):
            Painting.load(path)
