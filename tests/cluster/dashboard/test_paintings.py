"""Paintings of `impasto paint`: listed, shown moment by moment, exported; files of strangers do no harm."""

from __future__ import annotations

import io
import json
import os
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cluster.dashboard.export import export
from cluster.dashboard.pages import painting_pages
from cluster.dashboard.readers.site import Site
from cluster.dashboard.server import make_app
from cluster.painter.pictures.strokes_file import Painting, exact
from envs.large_canvas import LargeCanvas, StrokeList, shrink
from tests.cluster.dashboard.client import Client, page
from tests.cluster.dashboard.made_up import make_run


def make_painting(
    path: Path, count: int = 60, *, windows: bool = True, width: int = 640, height: int = 400, fresh: bool = True
) -> Painting:
    """Strokes at random, searched in two stages, and a PNG beside them."""
    rng = np.random.default_rng(count)
    points = [rng.uniform(0, 400, (count, 2)) for _ in range(3)]
    stage = (np.arange(count) >= count // 2).astype(np.int64)
    window = np.stack([points[0][:, 0], points[0][:, 1], np.where(stage == 0, 400.0, 64.0)], 1)
    rest = (rng.uniform(4, 20, count), rng.random((count, 3)), np.full(count, 0.8), stage, rng.uniform(0, 900, count))
    strokes = exact(StrokeList(*points, *rest, window if windows else np.full((count, 3), np.nan)))
    l2 = np.array([[0, 0.5], [count // 2, 0.05], [count, 0.005]]) if windows else np.zeros((0, 2))
    painting = Painting(640, 400, "classic/dry_brush", strokes, {"agent": "none", "seed": 0}, l2, fresh_strokes=fresh)
    path.parent.mkdir(parents=True, exist_ok=True)
    painting.save(path)
    Image.new("RGB", (640, 400), "teal").save(path.with_suffix(".png"))
    return painting


def data_of(text: str) -> dict[str, list]:
    found = re.search(r'<script type="application/json" id="data">(.*)</script>', text)
    assert found is not None
    return json.loads(found[1])


@pytest.mark.parametrize("fresh", [True, False])
def test_paintings_are_listed_and_shown(fresh: bool, tmp_path: Path) -> None:
    painting = make_painting(tmp_path / "out" / "photo & co.json", fresh=fresh)
    make_painting(tmp_path / "run" / "paintings" / "own.json", 3)
    make_run(tmp_path / "run", seconds=2)
    (tmp_path / "out" / "other.json").write_text("{}")
    text = page(tmp_path, "/")
    assert "2 paintings" in text
    assert "60 strokes, L2 0.0050" in text
    assert "paintings/run~paintings~own/" in text
    where = "/paintings/out~photo%20%26%20co/"
    text = page(tmp_path, where)
    assert "60 strokes with classic/dry_brush, agent none, 640" in text
    assert "windows of 64 px" in text
    shown = data_of(text)
    stops = shown["stops"]
    assert stops[0] == 0
    assert stops[-1] == 60
    assert len(stops) <= painting_pages.FRAMES
    assert [len(each) for each in shown["drawn"]] == [0, *np.diff(stops).tolist()]
    assert shown["stages"][-1] == [30, 30]
    assert (shown["values"][0], shown["values"][-1]) == (0.5, pytest.approx(0.005))
    assert shown["windows"][-1][0][2:] == [100, 1]  # of 64 of 640 pixels, in thousandths
    client = Client(make_app(tmp_path))
    frames = Image.open(io.BytesIO(client.get(where + "frames.jpg").content))
    assert frames.width == 7 * 512
    canvas = LargeCanvas(400, 640, painting.brush, fresh_strokes=fresh)
    canvas.paint(painting.strokes)
    place = len(stops) - 1
    left, top = place % 7 * 512, place // 7 * 320
    last = np.asarray(frames.crop((left, top, left + 512, top + 320)), np.float64)
    assert np.abs(last - shrink(canvas.pixels(), 320, 512)).mean() < 4  # JPEG
    assert Image.open(io.BytesIO(client.get(where + "small.jpg").content)).width == 380
    assert client.get(where + "painting.png").content == (tmp_path / "out" / "photo & co.png").read_bytes()
    assert client.get(where + "other.png").status_code == 404
    assert client.get("/paintings/nothing/").status_code == 404


def test_strokes_without_windows_or_a_picture_are_shown(tmp_path: Path) -> None:
    make_painting(tmp_path / "old.json", windows=False)
    (tmp_path / "old.png").unlink()
    assert "no picture" in page(tmp_path, "/")
    text = page(tmp_path, "/paintings/old/")
    assert "show-windows" not in text
    assert "L2 taken off, as searched" in text
    assert Client(make_app(tmp_path)).get("/paintings/old/painting.png").status_code == 404
    Painting(90, 60, "classic/pen", StrokeList.join([]), {}).save(tmp_path / "none.json")
    assert data_of(page(tmp_path, "/paintings/none/"))["stops"] == [0]
    assert Client(make_app(tmp_path)).get("/paintings/none/frames.jpg").status_code == 200


def test_the_page_changes_with_the_file(tmp_path: Path) -> None:
    make_painting(tmp_path / "one.json")
    site = Site(tmp_path)
    before = site.fingerprint("paintings/one/")
    make_painting(tmp_path / "one.json", 61)
    os.utime(tmp_path / "one.json", (1, 1))
    assert site.fingerprint("paintings/one/") != before


def test_paintings_are_exported(tmp_path: Path) -> None:
    make_painting(tmp_path / "runs" / "one.json", 5)
    export(tmp_path / "runs", tmp_path / "out", 1)
    made = {path.name for path in (tmp_path / "out" / "paintings" / "one").iterdir()}
    assert made == {"index.html", "frames.jpg", "small.jpg", "painting.png"}
    assert 'href="paintings/one/index.html"' in (tmp_path / "out" / "index.html").read_text()


def changed(path: Path, **values: object) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


HUGE = [1e300, -1e300, 0, 0, 1, 1, 1e300, 1, "#000000", 99, 1e308, -1e300, 1e300, 1e300]


@pytest.mark.parametrize(
    ("values", "page_status", "frames"),
    [
        ({"width": 10**9}, 404, "a canvas has sides of 1 to 4096 pixels"),
        ({"width": "x"}, 404, "not strokes"),
        ({"brush": "/etc/passwd"}, 404, "its brush is a file outside"),
        ({"brush": "classic/../../pen"}, 404, "it does not name a brush"),
        ({"brush": "classic/nosuch"}, 200, "classic/nosuch"),
        ({"agent": {"a": ["<script>"]}, "l2": "x"}, 404, "not strokes"),
        ({"l2": [[9, 1e308], [3, -1e308]]}, 200, ""),
        ({"strokes": [HUGE, HUGE]}, 200, ""),
        ({"strokes": [[*HUGE[:7], 1e300, *HUGE[8:]]]}, 404, "pressures are 0 to 1"),
        ({"strokes": [[*HUGE[:9], 1e18, *HUGE[10:]]]}, 404, "stages 0 to 99"),
        ({"strokes": [[]]}, 404, "a stroke has 14 values"),
        ({"width": 4096, "height": 1}, 200, ""),
    ],
)
def test_a_strangers_strokes_do_no_harm(
    values: dict[str, object], page_status: int, frames: str, tmp_path: Path
) -> None:
    make_painting(tmp_path / "bad.json", 4)
    changed(tmp_path / "bad.json", **values)
    client = Client(make_app(tmp_path))
    assert client.get("/").status_code == 200
    assert client.get("/paintings/bad/").status_code == page_status
    answer = client.get("/paintings/bad/frames.jpg")
    assert answer.status_code == (404 if frames else 200)
    if frames:
        assert frames in answer.text
        assert answer.text.count("\n") == 1


def test_files_that_are_no_files_and_too_much_of_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_painting(tmp_path / "elsewhere" / "real.json", 4)
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "link.json").symlink_to(tmp_path / "elsewhere" / "real.json")
    os.mkfifo(tmp_path / "runs" / "pipe.json")
    assert Site(tmp_path / "runs").paintings() == []
    make_painting(tmp_path / "runs" / "one.json", 4)
    (tmp_path / "runs" / "one.png").unlink()
    (tmp_path / "runs" / "one.png").symlink_to("/dev/zero")
    client = Client(make_app(tmp_path / "runs"))
    for name in ("small.jpg", "painting.png"):
        assert client.get(f"/paintings/one/{name}").status_code == 404
    monkeypatch.setattr("cluster.dashboard.readers.paintings.LARGEST_FILE", 100)
    os.utime(tmp_path / "runs" / "one.json", (1, 1))
    assert client.get("/paintings/one/").status_code == 404


def test_a_painting_that_takes_too_long_says_so_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_painting(tmp_path / "long.json", 100)
    monkeypatch.setattr(painting_pages, "SECONDS", 0.0)
    client = Client(make_app(tmp_path))
    assert "takes more than" in client.get("/paintings/long/frames.jpg").text
    monkeypatch.setattr(painting_pages, "LargeCanvas", None)  # is not asked again
    assert client.get("/paintings/long/frames.jpg").status_code == 404
    assert client.get("/paintings/long/").status_code == 200
