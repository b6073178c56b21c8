"""Contact sheets and animated paintings, as image files."""

from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from envs.data_files import write_atomically

# Images in a row of a run's contact sheets; the dashboard finds them by it.
COLUMNS = 20
_SIDE_COLUMNS = 10
_SMALL = 64  # pixels; images up to this size are drawn twice as large
_FRAME_MS, _LAST_MS = 250, 2000
_LINE_SHADE = 128
_PAPER = "white"
_INK = "black"
_MARGIN = 4


def tile(images: npt.NDArray[np.uint8], columns: int) -> npt.NDArray[np.uint8]:
    """Put images side by side, row by row, with gray lines, a pixel wide, between and around them.

    Args:
        images: uint8 [N, H, W, C], N > 0, C 1 or 3.
        columns: images in a row, > 0; missing ones in the last row are gray.

    Returns:
        uint8 [rows * (H + 1) + 1, columns * (W + 1) + 1, C].

    Raises:
        ValueError: another dtype or shape, or no columns.
    """
    _check(images, "images")
    if columns < 1:
        raise ValueError(f"columns: expected a positive number, got {columns}")
    count, height, width, channels = images.shape
    rows = -(-count // columns)
    step_y, step_x = height + 1, width + 1
    sheet = np.full((rows * step_y + 1, columns * step_x + 1, channels), _LINE_SHADE, np.uint8)
    for i, image in enumerate(images):
        top, left = 1 + i // columns * step_y, 1 + i % columns * step_x
        sheet[top : top + height, left : left + width] = image
    return sheet


def contact_sheet(
    images: npt.NDArray[np.uint8], path: Path, *, columns: int = COLUMNS, row_labels: Sequence[str] = ()
) -> Path:
    """Write a sheet of images; those of up to 64 pixels are drawn twice as large.

    Args:
        images: uint8 [N, H, W, C], N > 0, C 1 or 3.
        path: of the PNG file; its folder is made, an existing file replaced in one step.
        columns: images in a row.
        row_labels: text left of each row, if any: as many as there are rows.

    Returns:
        `path`.

    Raises:
        ValueError: another dtype or shape, or a wrong number of labels.
    """
    sheet = _drawn(tile(images, columns), _scale(images))
    rows = -(-len(images) // columns)
    if row_labels and len(row_labels) != rows:
        raise ValueError(f"row_labels: expected {rows}, one for each row, got {len(row_labels)}")
    return _save(_labeled(sheet, row_labels), path)


def side_by_side(samples: npt.NDArray[np.uint8], real: npt.NDArray[np.uint8], path: Path) -> Path:
    """Write a sheet of paintings with one of as many real images to its right, ten in a row, under their names.

    Args:
        samples: uint8 [N, H, W, C], N > 0, C 1 or 3.
        real: uint8 [M, H', W', C'], M > 0; the first N are shown, as large as the paintings if H and H' are multiples
            of each other.
        path: of the PNG file; see `contact_sheet`.

    Returns:
        `path`.

    Raises:
        ValueError: another dtype or shape.
    """
    _check(samples, "samples")
    _check(real, "real")
    height = max(samples.shape[1], real.shape[1])
    halves = []
    for images, caption in ((samples, "painted"), (real[: len(samples)], "real")):
        large = _repeated(images, height // images.shape[1])
        halves.append(_captioned(_drawn(tile(large, _SIDE_COLUMNS), _scale(large)), caption))
    gap = 8 * _scale(samples)
    size = (halves[0].width + gap + halves[1].width, max(half.height for half in halves))
    page = Image.new("RGB", size, _PAPER)
    page.paste(halves[0], (0, 0))
    page.paste(halves[1], (halves[0].width + gap, 0))
    return _save(page, path)


def animate(frames: npt.NDArray[np.uint8], path: Path) -> Path:
    """Write an animated painting that repeats for ever: four frames a second, the last for two seconds.

    Args:
        frames: uint8 [T, H, W, C], T > 0, C 1 or 3.
        path: of the GIF file.

    Returns:
        `path`.

    Raises:
        ValueError: another dtype or shape.
    """
    _check(frames, "frames")
    first, *rest = [_drawn(frame, 1) for frame in frames]
    picture = BytesIO()
    durations = [_FRAME_MS] * len(rest) + [_LAST_MS]
    first.save(picture, "GIF", save_all=True, append_images=rest, duration=durations, loop=0)
    write_atomically(path, picture.getvalue())
    return path


def _check(images: npt.NDArray[np.uint8], name: str) -> None:
    if images.dtype != np.uint8 or images.ndim != 4 or images.shape[3] not in (1, 3) or 0 in images.shape:
        raise ValueError(f"{name}: expected uint8 [N, H, W, 1 or 3], N > 0, got {images.dtype} {list(images.shape)}")


def _scale(images: npt.NDArray[np.uint8]) -> int:
    return 2 if images.shape[1] <= _SMALL else 1


def _repeated(images: npt.NDArray[np.uint8], scale: int) -> npt.NDArray[np.uint8]:
    return images.repeat(scale, axis=1).repeat(scale, axis=2)


def _drawn(image: npt.NDArray[np.uint8], scale: int) -> Image.Image:
    """uint8 [H, W, C] as an RGB image with every pixel `scale` wide and high."""
    color = np.repeat(image, 3, axis=2) if image.shape[2] == 1 else image
    return Image.fromarray(_repeated(color[None], scale)[0])


def _text_size(text: str, font: ImageFont.ImageFont | ImageFont.FreeTypeFont) -> tuple[int, int]:
    _, _, right, bottom = font.getbbox(text)
    return int(np.ceil(right)), int(np.ceil(bottom))


def _labeled(sheet: Image.Image, labels: Sequence[str]) -> Image.Image:
    if not labels:
        return sheet
    font = ImageFont.load_default()
    margin = max(_text_size(label, font)[0] for label in labels) + 2 * _MARGIN
    page = Image.new("RGB", (margin + sheet.width, sheet.height), _PAPER)
    page.paste(sheet, (margin, 0))
    draw = ImageDraw.Draw(page)
    for row, label in enumerate(labels):
        middle = (row + 0.5) * sheet.height / len(labels)
        draw.text((_MARGIN, middle - _text_size(label, font)[1] / 2), label, fill=_INK, font=font)
    return page


def _captioned(sheet: Image.Image, caption: str) -> Image.Image:
    font = ImageFont.load_default()
    width, _ = _text_size(caption, font)
    _, height = _text_size("Ag", font)  # of any caption, so that sheets side by side line up
    top = height + 2 * _MARGIN
    page = Image.new("RGB", (max(sheet.width, width + 2 * _MARGIN), top + sheet.height), _PAPER)
    page.paste(sheet, (0, top))
    ImageDraw.Draw(page).text((_MARGIN, _MARGIN), caption, fill=_INK, font=font)
    return page


def _save(page: Image.Image, path: Path) -> Path:
    picture = BytesIO()
    page.save(picture, "PNG")
    write_atomically(path, picture.getvalue())
    return path
