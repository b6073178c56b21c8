"""`impasto paint` as a user calls it, on small pictures, by the search alone."""

from __future__ import annotations

import itertools
import json
import socket
import time
import webbrowser
import xml.etree.ElementTree as ElementTree
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from actors.picture_painter import stage_factors
from cluster import cli
from cluster.painter.pictures.read import read_palette, read_picture
from cluster.painter.pictures.strokes_file import Painting


def make_picture(path: Path, width: int = 90, height: int = 60) -> Path:
    """A colored disc on a background that gets darker."""
    y, x = np.mgrid[0:height, 0:width]
    pixels = np.stack([y * 255 // height, x * 255 // width, 0 * x + 90], -1).astype(np.uint8)
    pixels[(y - height / 2) ** 2 + (x - width / 2) ** 2 < (height / 3) ** 2] = (220, 40, 30)
    Image.fromarray(pixels).save(path)
    return path


def paint(*arguments: object) -> int:
    return cli.main(["paint", *map(str, arguments)])


def error_of(painted: Path, picture: Path) -> float:
    target = np.asarray(Image.open(picture).convert("RGB").resize(Image.open(painted).size), np.float64)
    return float(np.square(np.asarray(Image.open(painted), np.float64) - target).mean() / 255**2)


def test_a_picture_is_painted_and_its_strokes_paint_it_again(tmp_path: Path) -> None:
    picture, out = make_picture(tmp_path / "disc.png"), tmp_path / "out"
    given = (picture, "--out", out, "--agent", "none", "--strokes", 120, "--k", 6, "--size", 200)
    assert paint(*given, "--formats", "png", "json", "svg", "ora", "gif") == 0
    painted = Image.open(out / "disc.png")
    assert painted.size == (200, 133)
    blank = np.square(255.0 - np.asarray(Image.open(picture))).mean() / 255**2
    assert error_of(out / "disc.png", picture) < 0.2 * blank
    document = json.loads((out / "disc.json").read_text())
    assert (document["format"], document["width"], document["agent"]) == ("impasto-strokes", 200, "none")
    assert 60 < len(document["strokes"]) <= 120
    assert {row[9] for row in document["strokes"]} == {0, 1}
    l2 = document["l2"]
    assert l2[0] == [0, pytest.approx(blank, rel=0.05)]
    assert l2[-1] == [len(document["strokes"]), pytest.approx(error_of(out / "disc.png", picture), rel=0.1)]
    for row in document["strokes"]:  # begin and end in their windows, which are squares of the view
        x, y, side = row[11:]
        assert side == pytest.approx(133 if row[9] == 0 else 64, abs=0.5)
        for at in (0, 4):
            assert x - 0.5 <= row[at] <= x + side + 0.5
            assert y - 0.5 <= row[at + 1] <= y + side + 0.5

    again = tmp_path / "again"
    assert paint("--from", out / "disc.json", "--out", again) == 0
    np.testing.assert_array_equal(np.asarray(Image.open(again / "disc.png")), np.asarray(painted))
    assert (again / "disc.json").read_text() == (out / "disc.json").read_text()

    paths = ElementTree.parse(out / "disc.svg").getroot().iter("{http://www.w3.org/2000/svg}path")
    assert len(list(paths)) == len(document["strokes"])
    assert Image.open(out / "disc.gif").n_frames > 10
    with zipfile.ZipFile(out / "disc.ora") as archive:
        assert archive.namelist()[0] == "mimetype"
        assert archive.read("mimetype") == b"image/openraster"
        layers = [Image.open(archive.open(f"data/layer{number}.png")) for number in range(3)]
        merged = np.asarray(Image.open(archive.open("mergedimage.png")))
    stacked = layers[0]
    for layer in layers[1:]:
        stacked = Image.alpha_composite(stacked, layer)
    np.testing.assert_array_equal(merged, np.asarray(painted))
    difference = np.asarray(stacked.convert("RGB"), np.float64) - merged
    assert np.square(difference / 255).mean() < 0.02  # layers begin with fresh brushes


def test_small_and_enlarged_paintings_are_painted_again_from_their_files(tmp_path: Path) -> None:
    picture, small = make_picture(tmp_path / "disc.png"), tmp_path / "small"
    given = ("--agent", "none", "--strokes", 60, "--k", 4, "--size", 48)  # windows of 64 pixels do not fit
    assert paint(picture, "--out", small, *given) == 0
    assert json.loads((small / "disc.json").read_text())["paper"] == [64, 64]
    for origin, size in (("small", 0), ("small", 150), ("large", 0)):
        again = tmp_path / ("large" if size else f"again-{origin}")
        assert paint("--from", tmp_path / origin / "disc.json", "--out", again, "--size", size) == 0
    for one, other in (("small", "again-small"), ("large", "again-large")):
        first, second = (np.asarray(Image.open(tmp_path / name / "disc.png")) for name in (one, other))
        np.testing.assert_array_equal(first, second)
        assert (tmp_path / one / "disc.json").read_text() == (tmp_path / other / "disc.json").read_text()


def test_a_film_ends_with_the_painting(tmp_path: Path) -> None:
    ffmpeg = pytest.importorskip("imageio_ffmpeg", reason="brings the encoder: pip install impasto[video]")
    picture, out = make_picture(tmp_path / "disc.png"), tmp_path / "out"
    given = ("--agent", "none", "--strokes", 60, "--k", 4, "--size", 128)
    assert paint(picture, "--out", out, *given, "--formats", "png,mp4") == 0
    reader = ffmpeg.read_frames(str(out / "disc.mp4"))
    assert next(reader)["source_size"] == (128, 84)  # an even number of rows, of 85
    films = [np.frombuffer(frame, np.uint8).reshape(84, 128, 3) for frame in reader]
    painted = np.asarray(Image.open(out / "disc.png").resize((128, 84)), np.float64)
    first, last = (float(np.abs(frame - painted).mean()) for frame in (films[0], films[-1]))
    assert len(films) > 30
    assert last < 5 < first


def test_the_agent_that_ships_paints_nearer_than_no_agent(tmp_path: Path) -> None:
    picture = make_picture(tmp_path / "disc.png", 64, 64)
    errors = {}
    for agent in ("pictures", "none"):
        given = ("--agent", agent, "--strokes", 24, "--k", 8, "--size", 64, "--formats", "png")
        assert paint(picture, "--out", tmp_path / agent, *given) == 0
        errors[agent] = error_of(tmp_path / agent / "disc.png", picture)
    assert errors["pictures"] < errors["none"]


def test_climbing_paints_nearer_with_as_many_strokes(tmp_path: Path) -> None:
    picture, errors = make_picture(tmp_path / "disc.png", 64, 64), []
    for climb in (0, 30):
        given = ("--strokes", 16, "--k", 8, "--size", 64, "--formats", "png", "--climb", climb)
        assert paint(picture, "--out", tmp_path / str(climb), *given) == 0
        errors.append(error_of(tmp_path / str(climb) / "disc.png", picture))
    assert errors[1] < 0.9 * errors[0]


def test_the_temperature_changes_what_the_agent_tries(tmp_path: Path) -> None:
    picture, strokes = make_picture(tmp_path / "disc.png", 64, 64), []
    for temperature in ("0.1", "0.1", "1"):
        given = ("--strokes", 8, "--k", 4, "--size", 64, "--formats", "json", "--temperature", temperature)
        assert paint(picture, "--out", tmp_path, *given) == 0
        strokes.append((tmp_path / "disc.json").read_text())
    assert strokes[0] == strokes[1] != strokes[2]


def test_the_same_seed_paints_the_same(tmp_path: Path) -> None:
    picture = make_picture(tmp_path / "disc.png", 70, 64)
    for out, seed in (("a", 1), ("b", 1), ("c", 2)):
        given = ("--agent", "none", "--strokes", 20, "--k", 4, "--size", 70, "--formats", "json")
        assert paint(picture, "--out", tmp_path / out, "--seed", seed, *given) == 0
    first, second, other = ((tmp_path / out / "disc.json").read_text() for out in "abc")
    assert first == second
    assert first != other


def test_a_palette_is_kept_to(tmp_path: Path) -> None:
    picture = make_picture(tmp_path / "disc.png", 70, 64)
    given = ("--agent", "none", "--strokes", 20, "--k", 4, "--size", 70, "--palette", "#102030,red,#ffffff")
    assert paint(picture, "--out", tmp_path, *given, "--formats", "json") == 0
    rows = json.loads((tmp_path / "disc.json").read_text())["strokes"]
    assert rows
    assert {row[8] for row in rows} <= {"#102030", "#ff0000", "#ffffff"}


def test_pictures_of_all_kinds_are_read(tmp_path: Path) -> None:
    gray = np.linspace(0, 65535, 40 * 20).reshape(20, 40).astype(np.uint16)
    Image.fromarray(gray).save(tmp_path / "deep.png")
    made = read_picture(tmp_path / "deep.png", 40)
    assert made.shape == (20, 40, 3)
    assert made.min() < 5
    assert made.max() > 250
    clear = np.zeros((10, 10, 4), np.uint8)
    Image.fromarray(clear).save(tmp_path / "clear.png")
    assert (read_picture(tmp_path / "clear.png", 30) == 255).all()
    Image.new("CMYK", (10, 20)).save(tmp_path / "print.jpg")
    assert read_picture(tmp_path / "print.jpg", 40).shape == (40, 20, 3)
    turned = Image.fromarray(np.zeros((10, 20, 3), np.uint8))
    exif = turned.getexif()
    exif[0x0112] = 6
    turned.save(tmp_path / "turned.jpg", exif=exif)
    assert read_picture(tmp_path / "turned.jpg", 20).shape == (20, 10, 3)


def test_palettes_are_read(tmp_path: Path) -> None:
    (tmp_path / "two.gpl").write_text("GIMP Palette\nName: two\n# \n255 0 0 red\n0 0 255\tblue\n")
    np.testing.assert_array_equal(read_palette(str(tmp_path / "two.gpl")), [[1, 0, 0], [0, 0, 1]])
    np.testing.assert_array_equal(read_palette("white,00ff00"), [[1, 1, 1], [0, 1, 0]])


def test_stages_go_from_the_whole_picture_to_its_own_size() -> None:
    assert stage_factors(64, 64, 64) == [1.0]
    factors = stage_factors(683, 1024, 64)
    assert factors[0] == pytest.approx(683 / 64)
    assert factors[-1] == pytest.approx(1.0)
    assert all(0.4 < fine / coarse < 0.7 for coarse, fine in itertools.pairwise(factors))


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (["{picture}", "--brush", "no/such"], "no/such"),
        (["{text}"], "text.png: can not be read as an image"),
        (["{picture}", "--strokes", "0"], "--strokes"),
        (["{picture}", "--temperature", "0"], "--temperature"),
        (["{picture}", "--palette", "nocolor"], "--palette: 'nocolor' is neither a color"),
        (["{picture}", "--agent", "nobody"], "nobody"),
        (["{picture}", "--agent", "digits-target"], "--agent digits-target: paints mnist in a world of its own"),
        (["{picture}", "--formats", "bmp"], "--formats: unknown 'bmp'; valid are png"),
        (["{picture}", "--open", "--formats", "png"], "--open: shows the strokes of a painting; leave json"),
        ([], "give pictures to paint, or --from"),
        (["--from", "{text}"], "not strokes that `impasto paint` has written"),
        (["{missing}"], "no such image file"),
    ],
)
def test_bad_input_is_one_line(
    given: list[str], words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "text.png").write_text("not an image")
    places = {"picture": make_picture(tmp_path / "p.png"), "text": tmp_path / "text.png", "missing": tmp_path / "m.png"}
    agent = [] if "--agent" in given else ["--agent", "none"]
    assert paint(*(word.format(**places) for word in given), *agent, "--out", tmp_path / "out") == 2
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 1
    assert words in lines[0]
    assert not (tmp_path / "out").exists()


def test_one_bad_picture_does_not_stop_the_others(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    picture = make_picture(tmp_path / "p.png", 64, 64)
    given = ("--agent", "none", "--strokes", 8, "--k", 2, "--size", 64, "--out", tmp_path / "out")
    assert paint(tmp_path / "none.png", picture, *given) == 2
    assert "no such image file" in capsys.readouterr().err
    assert (tmp_path / "out" / "p.png").exists()
    assert len(Painting.load(tmp_path / "out" / "p.json").strokes) <= 8


def test_open_shows_the_theatre_until_it_is_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    old, served, opened = Path(__file__).parent / "version_1.json", [], []

    def serve(root: Path, at: socket.socket, token: str) -> None:
        served.append((root, at.getsockname()))
        raise KeyboardInterrupt

    class Window:
        def open(self, page: str) -> None:
            opened.append(page)

    monkeypatch.setattr("cluster.cli.theatre.serve", serve)
    monkeypatch.setattr("webbrowser.get", Window)
    assert paint("--from", old, "--out", tmp_path / "out", "--open") == 0
    ((root, (host, port)),) = served
    assert (root, host) == (tmp_path / "out", "127.0.0.1")
    page = f"http://127.0.0.1:{port}/paintings/version_1/"
    assert f"{page}   (Ctrl-C ends)" in capsys.readouterr().out
    deadline = time.monotonic() + 20
    while opened != [page] and time.monotonic() < deadline:
        time.sleep(0.01)
    assert opened == [page]

    monkeypatch.setattr("webbrowser.get", lambda: webbrowser.GenericBrowser("lynx"))  # would take over the terminal
    assert paint("--from", old, "--out", tmp_path / "out", "--open") == 0
    (tmp_path / "out" / "config.json").write_text("{}")
    assert paint("--from", old, "--out", tmp_path / "out", "--open") == 2
    assert "is a run's folder" in capsys.readouterr().err
    assert len(served) == 2
