"""Pictures of the pages: sheets, thumbnails and the frames of a painting."""

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cluster.dashboard.pages.theatre import acts
from cluster.dashboard.server import make_app
from cluster.painter.recordings import Recording, paint_again
from tests.cluster.dashboard.client import Client, page
from tests.cluster.dashboard.made_population import MadePopulation
from tests.cluster.dashboard.made_up import make_run, settings


def test_frames_that_can_not_be_painted_say_why(tmp_path: Path) -> None:
    run = make_run(tmp_path / "a", seconds=10, sheets=1)
    config = json.loads((run / "config.json").read_text())
    config["paint"]["brush"] = "classic/no such brush"
    (run / "config.json").write_text(json.dumps(config))
    answer = Client(make_app(tmp_path)).get("/runs/a/sheets/00000000/0/frames.png")
    assert answer.status_code == 404
    assert "classic/no such brush" in answer.text
    assert answer.headers["content-type"].startswith("text/plain")


def test_pictures_that_are_missing_or_torn(tmp_path: Path) -> None:
    people = MadePopulation(tmp_path / "people", members=3, comparisons=2)
    samples = people.folder(0) / "samples"
    first, second = sorted(samples.glob("*.png"))
    first.unlink()
    second.write_bytes(second.read_bytes()[:200])
    second.with_suffix(".npz").write_bytes(b"PK\x03\x04 torn")
    assert "no picture" in page(tmp_path, "/populations/people/samples/")
    sheets = f"/runs/people~members~00/sheets/{second.stem}"
    page(tmp_path, "/runs/people~members~00/")
    assert "can not be read" in page(tmp_path, sheets + "/")
    answer = Client(make_app(tmp_path)).get(sheets + "/wall.png")
    assert answer.status_code == 200
    assert "unreadable" in answer.text
    shutil.rmtree(people.folder(1))
    shutil.rmtree(people.folder(2) / "checkpoints", ignore_errors=True)
    assert "folder missing" in page(tmp_path, "/populations/people/")


def test_thumbnails_are_the_first_paintings(runs: Path) -> None:
    client = Client(make_app(runs))
    sheet = "/runs/alpha/sheets/00000000/"
    for shape, columns, rows in (("film", 4, 2), ("row", 5, 1)):  # this sheet has two rows
        answer = client.get(f"{sheet}{shape}.png")
        (runs.parent / "thumbnail.png").write_bytes(answer.content)
        with Image.open(runs.parent / "thumbnail.png") as picture:
            assert picture.width / picture.height == pytest.approx(columns / rows, rel=0.05)
    assert client.get(f"{sheet}huge.png").status_code == 404
    assert client.get(f"{sheet}image.png").content == (runs / "alpha" / "samples" / "00000000.png").read_bytes()


def test_theatre_frames_are_the_paintings_painted_again(runs: Path, tmp_path: Path) -> None:
    answer = Client(make_app(runs)).get("/runs/alpha/sheets/00000000/3/frames.png")
    (tmp_path / "frames.png").write_bytes(answer.content)
    recording = Recording.load(runs / "alpha" / "samples" / "00000000.npz")
    frames = paint_again(settings(), recording.actions[:, 3:4], 8)[:, 0, :, :, 0]
    assert frames.shape == (6, 512, 512)
    with Image.open(tmp_path / "frames.png") as picture:
        shown = np.asarray(picture)
    assert shown.shape == (512, 6 * 512)
    np.testing.assert_array_equal(shown.reshape(512, 6, 512).transpose(1, 0, 2), frames)


def test_actions_are_decoded_as_they_are_painted() -> None:
    run = settings()
    actions = np.array([[0, 16 * 4 + 8, 0, 0], [16 * 2 + 3, 16 * 15 + 1, 1, 1]], np.int16)  # control, end, flag, size
    move, stroke = acts(run, actions, np.array([0.5, 0.5, 0.75], np.float32))
    assert not move.paints
    assert move.start == (0.0, 0.0)
    assert move.end == stroke.start == (8 / 16, 4 / 16)
    assert stroke.paints
    assert stroke.end == (1 / 16, 15 / 16)
    assert stroke.control == (3 / 16, 2 / 16)
    assert stroke.radius == pytest.approx(2.0)
    assert (stroke.score, stroke.gain) == (0.75, 0.25)
    assert stroke.color == "#000000"


def test_free_strokes_begin_at_starts_of_their_own() -> None:
    run = settings()
    run = dataclasses.replace(run, paint=dataclasses.replace(run.paint, strokes="free", first_is_move=False))
    assert run.paint.action_spec.names == ("control", "end", "flag", "start", "size")
    actions = np.array([[0, 16 * 4 + 8, 1, 16 * 3 + 5, 0], [0, 16 * 2 + 3, 0, 16 * 9 + 1, 1]], np.int16)
    stroke, left_out = acts(run, actions, np.zeros(3, np.float32))
    assert (stroke.start, stroke.end, stroke.paints) == ((5 / 16, 3 / 16), (8 / 16, 4 / 16), True)
    assert (left_out.start, left_out.paints) == ((1 / 16, 9 / 16), False)
