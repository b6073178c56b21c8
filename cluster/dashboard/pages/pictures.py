"""Small pictures: the first paintings of a contact sheet, and recorded paintings painted again, large."""

from __future__ import annotations

import io
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from cluster.dashboard.readers.library import NotThere
from cluster.dashboard.readers.runs import Run, Sheet
from cluster.errors import one_line
from cluster.evaluation.contact_sheets import COLUMNS
from cluster.painter.recordings import Recording, RecordingDamaged, paint_again

# Height and width of a painting in the stroke theatre, in pixels, if the canvas divides it.
THEATRE_SIZE = 512
# Frames side by side in the theatre's picture: browsers do not show pictures of more than 32 767 pixels.
FRAMES_IN_A_ROW = 6
# How large a contact sheet may draw a pixel.
SHEET_SCALES = (1, 2)


def thumbnail(run: Run, sheet: Sheet, columns: int, rows: int, pixels: int = 56) -> bytes:
    """A PNG of the sheet's first paintings, `columns` by `rows`; of the whole sheet if its layout is not known.

    Raises:
        NotThere: the picture is missing, half-written, or none.
    """
    path = run.library.check(sheet.path)
    try:
        stamp = path.stat().st_mtime_ns
        canvas = run.setting("paint", "canvas_size")
        return _thumbnail(path, stamp, columns, rows, pixels, canvas if isinstance(canvas, int) else 0)
    except (OSError, UnidentifiedImageError, SyntaxError, Image.DecompressionBombError):
        raise NotThere(sheet.key) from None


@lru_cache(1024)
def _thumbnail(path: Path, stamp: int, columns: int, rows: int, pixels: int, canvas: int) -> bytes:
    with Image.open(path) as file:
        picture: Image.Image = file
        for scale in SHEET_SCALES if canvas else ():
            step = (canvas + 1) * scale
            if picture.width == COLUMNS * step + scale:
                picture = picture.crop((0, 0, columns * step + scale, min(picture.height, rows * step + scale)))
                break
        picture = picture.convert("RGB")
        picture.thumbnail((columns * pixels, columns * pixels), Image.Resampling.LANCZOS)
        return _png(picture)


def painting_frames(run: Run, sheet: Sheet, place: int) -> tuple[bytes, NDArray[np.float32]]:
    """One recorded painting, painted again.

    Args:
        run: whose painting.
        sheet: on which it is.
        place: its place there, from 0.

    Returns:
        A PNG with all T + 1 frames, `FRAMES_IN_A_ROW` side by side, each as large as `frame_size` says; and the
        discriminator's scores float32 [T + 1].

    Raises:
        NotThere: there is no recording, no such painting, or the run's settings are of another Impasto.
    """
    recording = load_recording(run, sheet)
    if not 0 <= place < recording.actions.shape[1]:
        raise NotThere(f"{sheet.key} {place}")
    stamp = sheet.recording.stat().st_mtime_ns
    return _frames(run, sheet.recording, stamp, place), recording.scores[:, place]


def load_recording(run: Run, sheet: Sheet) -> Recording:
    """The actions behind a sheet.

    Raises:
        NotThere: they are missing or damaged, or this Impasto can not paint them.
    """
    if run.settings is None or run.settings.world is not run.settings.paint:
        raise NotThere(sheet.key)
    try:
        path = run.library.check(sheet.recording)
        return _recording(path, path.stat().st_mtime_ns)
    except (OSError, RecordingDamaged):
        raise NotThere(sheet.key) from None


@lru_cache(32)
def _recording(path: Path, stamp: int) -> Recording:
    return Recording.load(path)


def frame_size(run: Run) -> int:
    """Height and width of a frame in pixels: the largest multiple of the canvas up to THEATRE_SIZE."""
    assert run.settings is not None
    canvas = run.settings.paint.canvas_size
    return canvas * max(1, THEATRE_SIZE // canvas)


@lru_cache(64)
def _frames(run: Run, path: Path, stamp: int, place: int) -> bytes:
    assert run.settings is not None
    size = frame_size(run)
    recording = _recording(path, stamp)
    try:
        frames = paint_again(
            run.settings, recording.actions[:, place : place + 1], size // run.settings.paint.canvas_size
        )[:, 0]
    except IndexError:
        raise NotThere(path.name, "The actions are those of another Impasto.") from None
    except (ValueError, OSError) as error:  # a brush that this machine does not have
        raise NotThere(path.name, one_line(error)) from None
    columns = min(len(frames), FRAMES_IN_A_ROW)
    rows = -(-len(frames) // columns)
    page = np.full((rows * size, columns * size, frames.shape[3]), 255, np.uint8)
    for number, frame in enumerate(frames):
        top, left = number // columns * size, number % columns * size
        page[top : top + size, left : left + size] = frame
    return _png(Image.fromarray(page[..., 0] if page.shape[2] == 1 else page))


def _png(picture: Image.Image) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", compress_level=4)
    return buffer.getvalue()
