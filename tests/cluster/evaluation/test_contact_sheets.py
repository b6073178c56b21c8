from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageSequence

from cluster.evaluation.contact_sheets import animate, contact_sheet, side_by_side, tile

RNG = np.random.default_rng(0)


def test_tiles_are_where_they_belong() -> None:
    images = RNG.integers(0, 256, (5, 6, 4, 3), dtype=np.uint8)
    sheet = tile(images, 3)
    assert sheet.shape == (2 * 7 + 1, 3 * 5 + 1, 3)
    np.testing.assert_array_equal(sheet[1:7, 6:10], images[1])
    np.testing.assert_array_equal(sheet[8:14, 1:5], images[3])
    assert (sheet[8:14, 11:15] == 128).all()  # no sixth image
    assert (sheet[:1] == 128).all()


def test_a_sheet_without_text_is_its_tiles_at_twice_the_size(tmp_path: Path) -> None:
    images = RNG.integers(0, 256, (4, 5, 5, 1), dtype=np.uint8)
    path = contact_sheet(images, tmp_path / "new" / "sheet.png", columns=2)
    shown = np.asarray(Image.open(path))
    assert shown.shape == (26, 26, 3)
    np.testing.assert_array_equal(shown[::2, ::2, 0], tile(images, 2)[..., 0])
    np.testing.assert_array_equal(shown[1::2, 1::2, 2], tile(images, 2)[..., 0])
    assert [file.name for file in path.parent.iterdir()] == ["sheet.png"]  # nothing temporary is left


def test_large_images_are_drawn_as_they_are(tmp_path: Path) -> None:
    images = RNG.integers(0, 256, (2, 65, 65, 3), dtype=np.uint8)
    np.testing.assert_array_equal(
        np.asarray(Image.open(contact_sheet(images, tmp_path / "x.png", columns=2))), tile(images, 2)
    )


def test_labels_are_written_beside_the_images(tmp_path: Path) -> None:
    images = np.full((4, 20, 20, 1), 77, np.uint8)
    bare = np.asarray(Image.open(contact_sheet(images, tmp_path / "a.png", columns=2)))
    path = contact_sheet(images, tmp_path / "b.png", columns=2, row_labels=["one", "two"])
    page = np.asarray(Image.open(path))
    left = page.shape[1] - bare.shape[1]
    assert left > 8
    np.testing.assert_array_equal(page[:, left:], bare)
    assert page[:, :left].min() < 100  # ink
    with pytest.raises(ValueError, match="row_labels: expected 2"):
        contact_sheet(images, tmp_path / "c.png", columns=2, row_labels=["one"])


def test_side_by_side_shows_both_at_one_size_under_their_names(tmp_path: Path) -> None:
    samples = np.full((4, 16, 16, 3), 10, np.uint8)
    real = np.full((9, 8, 8, 1), 200, np.uint8)
    page = np.asarray(Image.open(side_by_side(samples, real, tmp_path / "x.png")))
    sheet = tile(samples, 10).shape[0] * 2
    top = page.shape[0] - sheet
    assert top > 8
    assert page[:top].min() < 100  # ink
    assert (page[top:] == 10).all(axis=2).sum() == 4 * 32 * 32
    assert (page[top:] == 200).all(axis=2).sum() == 4 * 32 * 32  # as many as samples, as large


def test_an_animation_repeats_and_holds_its_last_frame(tmp_path: Path) -> None:
    frames = np.stack([np.full((8, 8, 3), 60 * i, np.uint8) for i in range(4)])
    with Image.open(animate(frames, tmp_path / "x.gif")) as opened:
        shown = [(frame.convert("RGB"), frame.info["duration"]) for frame in ImageSequence.Iterator(opened)]
        assert opened.info["loop"] == 0
    assert [image.size for image, _ in shown] == [(8, 8)] * 4
    for i, (image, _) in enumerate(shown):
        assert np.abs(np.asarray(image).astype(int) - 60 * i).max() <= 3
    assert [duration for _, duration in shown] == [250, 250, 250, 2000]


def test_a_painting_of_one_frame(tmp_path: Path) -> None:
    with Image.open(animate(np.zeros((1, 8, 8, 1), np.uint8), tmp_path / "x.gif")) as image:
        assert image.size == (8, 8)


def test_bad_arrays_are_refused(tmp_path: Path) -> None:
    good = np.zeros((2, 4, 4, 1), np.uint8)
    for bad in (good[:0], good[..., 0], good.astype(np.float32), np.zeros((2, 4, 4, 2), np.uint8)):
        for call in (
            lambda: tile(bad, 2),  # noqa: B023
            lambda: contact_sheet(bad, tmp_path / "x.png"),  # noqa: B023
            lambda: side_by_side(good, bad, tmp_path / "x.png"),  # noqa: B023
            lambda: animate(bad, tmp_path / "x.gif"),  # noqa: B023
        ):
            with pytest.raises(ValueError, match="expected uint8"):
                call()
    with pytest.raises(ValueError, match="columns"):
        tile(good, 0)
    assert not list(tmp_path.iterdir())
