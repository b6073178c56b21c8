"""Pixel equality with recordings of the published environment, and with our own made after that equality was shown."""

from pathlib import Path

import numpy as np
import pytest
from recordings import OWN, Recording, published_folder

NAMES = [
    *(f"{brush}_history" for brush in ("2B_pencil", "charcoal", "dry_brush", "pen")),
    *(f"{brush}_moves" for brush in ("2B_pencil", "charcoal", "dry_brush", "pen")),
    *(f"{brush}_paint" for brush in ("2B_pencil", "charcoal", "dry_brush", "pen")),
    "dry_brush_256",
    "dry_brush_grey_small_sizes",
    "smudge_paint_history",
]


def check(path: Path, threads: int = 1) -> None:
    recording = Recording.load(path)
    with recording.painter(1 if recording.history else len(recording.actions), threads) as painter:
        canvases, final = recording.replay(painter)
    kept = recording.canvases.shape[1]  # some recordings hold the last step only
    for episode, step in np.ndindex(len(canvases), kept):
        wanted = recording.canvases[episode, step]
        painted = canvases[episode, canvases.shape[1] - kept + step]
        wrong = int((wanted != painted).sum())
        assert wrong == 0, f"{path.stem}: episode {episode}, step {step}: {wrong} of {wanted.size} values differ"
    np.testing.assert_array_equal(final, recording.final_fix15)


@pytest.mark.parametrize("name", NAMES)
def test_paints_what_the_published_environment_paints(name: str) -> None:
    folder = published_folder()
    if not folder.is_dir():
        pytest.skip(f"no recordings in {folder}; set IMPASTO_SHARED to the folder that holds golden/")
    check(folder / f"{name}.npz")


@pytest.mark.parametrize("path", sorted(OWN.glob("*.npz")), ids=lambda path: path.stem)
@pytest.mark.parametrize("threads", [1, 2])
def test_paints_what_it_painted_when_it_was_found_equal(path: Path, threads: int) -> None:
    check(path, threads)
