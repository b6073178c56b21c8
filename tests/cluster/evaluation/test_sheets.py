from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageSequence

from cluster.evaluation.contact_sheets import animate, contact_sheet, side_by_side, tile

RNG = np.random.default_rng(0)


def test_tiles_are_where_they_belong() -> None:
    images = RNG.integers(0, 256, (5, 6, 4, 3), dtype=np.uint8)
    sheet = tile(images, 3, separator=2)
    assert sheet.shape == (2 * 8 + 2, 3 * 6 + 2, 3)
    np.testing.assert_array_equal(sheet[2:8, 8:12], images[1])
    np.testing.assert_array_equal(sheet[10:16, 2:6], images[3])
    assert (sheet[10:16, 14:18] == 128).all()  # no sixth image
    assert (sheet[:2] == 128).all()


def test_a_sheet_without_text_is_its_tiles_enlarged(tmp_path: Path) -> None:
    images = RNG.integers(0, 256, (4, 5, 5, 1), dtype=np.uint8)
    path = contact_sheet(images, tmp_path / "new" / "sheet.png", columns=2, scale=3)
    shown = np.asarray(Image.open(path))
    assert shown.shape == (39, 39, 3)
    np.testing.assert_array_equal(shown[::3, ::3, 0], tile(images, 2)[..., 0])
    np.testing.assert_array_equal(shown[1::3, 2::3, 2], tile(images, 2)[..., 0])
    assert [file.name for file in path.parent.iterdir()] == ["sheet.png"]  # nothing temporary is left


def test_caption_and_labels_are_written_beside_the_images(tmp_path: Path) -> None:
    images = np.full((4, 20, 20, 1), 77, np.uint8)
    bare = np.asarray(Image.open(contact_sheet(images, tmp_path / "a.png", columns=2)))
    path = contact_sheet(images, tmp_path / "b.png", columns=2, caption="step 100", row_labels=["one", "two"])
    page = np.asarray(Image.open(path))
    top, left = page.shape[0] - bare.shape[0], page.shape[1] - bare.shape[1]
    assert top > 8
    assert left > 8
    np.testing.assert_array_equal(page[top:, left:], bare)
    assert page[:top].min() < 100  # ink
    assert page[top:, :left].min() < 100
    with pytest.raises(ValueError, match="row_labels: expected 2"):
        contact_sheet(images, tmp_path / "c.png", columns=2, row_labels=["one"])


def test_side_by_side_shows_both_at_one_size(tmp_path: Path) -> None:
    samples = np.full((4, 16, 16, 3), 10, np.uint8)
    real = np.full((9, 8, 8, 1), 200, np.uint8)
    page = np.asarray(
        Image.open(side_by_side(samples, real, tmp_path / "x.png", columns=2, scale=2, captions=("", "")))
    )
    assert (page == 10).all(axis=2).sum() == 4 * 32 * 32
    assert (page == 200).all(axis=2).sum() == 4 * 32 * 32  # as many as samples, as large
    captioned = np.asarray(Image.open(side_by_side(samples, real, tmp_path / "y.png", columns=2, scale=2)))
    assert captioned.shape[0] > page.shape[0]
    np.testing.assert_array_equal(captioned[-page.shape[0] :], page)


@pytest.mark.parametrize("suffix", [".gif", ".png", ".webp"])
def test_animations(tmp_path: Path, suffix: str) -> None:
    frames = np.stack([np.full((8, 8, 3), 60 * i, np.uint8) for i in range(4)])
    path = animate(frames, tmp_path / f"x{suffix}", scale=2, frame_seconds=0.1, last_seconds=1.0)
    with Image.open(path) as opened:
        shown = [(frame.convert("RGB"), frame.info["duration"]) for frame in ImageSequence.Iterator(opened)]
        assert opened.info["loop"] == 0
    assert [image.size for image, _ in shown] == [(16, 16)] * 4
    for i, (image, _) in enumerate(shown):
        assert np.abs(np.asarray(image).astype(int) - 60 * i).max() <= 3
    assert shown[-1][1] in (1000, 100)  # WebP's reader reports the duration of the frame before
    assert shown[1][1] == 100


def test_a_painting_of_one_frame(tmp_path: Path) -> None:
    with Image.open(animate(np.zeros((1, 8, 8, 1), np.uint8), tmp_path / "x.gif", scale=1)) as image:
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
    with pytest.raises(ValueError, match="scale"):
        contact_sheet(good, tmp_path / "x.png", scale=0)
    with pytest.raises(ValueError, match=r"ends in one of \.gif"):
        animate(good, tmp_path / "x.mp4")
    assert not list(tmp_path.iterdir())
