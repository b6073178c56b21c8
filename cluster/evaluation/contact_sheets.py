"""Contact sheets and animated paintings, as image files."""

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

_SEPARATOR = 128
_PAPER = "white"
_INK = "black"
_MARGIN = 4
_ANIMATIONS = (".gif", ".png", ".apng", ".webp")


def tile(images: npt.NDArray[np.uint8], columns: int, *, separator: int = 1) -> npt.NDArray[np.uint8]:
    """Puts images side by side, row by row, with grey lines between and around them.

    Args:
      images: uint8 [N, H, W, C], N > 0, C 1 or 3.
      columns: images in a row, > 0; missing ones in the last row are grey.
      separator: width of the lines in pixels.

    Returns:
      uint8 [rows * (H + separator) + separator, columns * (W + separator) + separator, C].

    Raises:
      ValueError: another dtype or shape, or no columns.
    """
    _check(images, "images")
    if columns < 1:
        raise ValueError(f"columns: expected a positive number, got {columns}")
    count, height, width, channels = images.shape
    rows = -(-count // columns)
    step_y, step_x = height + separator, width + separator
    sheet = np.full((rows * step_y + separator, columns * step_x + separator, channels), _SEPARATOR, np.uint8)
    for i, image in enumerate(images):
        top, left = separator + i // columns * step_y, separator + i % columns * step_x
        sheet[top : top + height, left : left + width] = image
    return sheet


def contact_sheet(
    images: npt.NDArray[np.uint8],
    path: Path,
    *,
    columns: int = 10,
    scale: int = 2,
    caption: str = "",
    row_labels: Sequence[str] = (),
) -> Path:
    """Writes a sheet of images.

    Args:
      images: uint8 [N, H, W, C], N > 0, C 1 or 3.
      path: of the PNG file; its folder is created, an existing file replaced in one step.
      columns: images in a row.
      scale: how many pixels wide a pixel is drawn, > 0.
      caption: text above the sheet, if any.
      row_labels: text left of each row, if any: as many as there are rows.

    Returns:
      `path`.

    Raises:
      ValueError: another dtype or shape, or a wrong number of labels.
    """
    sheet = _enlarged(tile(images, columns), scale)
    rows = -(-len(images) // columns)
    if row_labels and len(row_labels) != rows:
        raise ValueError(f"row_labels: expected {rows}, one for each row, got {len(row_labels)}")
    return _save(_captioned(_labelled(sheet, row_labels), caption), path)


def side_by_side(
    samples: npt.NDArray[np.uint8],
    real: npt.NDArray[np.uint8],
    path: Path,
    *,
    columns: int = 10,
    scale: int = 2,
    captions: tuple[str, str] = ("painted", "real"),
) -> Path:
    """Writes a sheet of paintings with one of as many real images to its right.

    Args:
      samples: uint8 [N, H, W, C], N > 0, C 1 or 3.
      real: uint8 [M, H', W', C'], M > 0; the first N are shown, as large as the paintings where H and H' are
        multiples of each other.
      path, columns, scale: see `contact_sheet`.
      captions: text above the two.

    Returns:
      `path`.

    Raises:
      ValueError: another dtype or shape.
    """
    _check(samples, "samples")
    _check(real, "real")
    height = max(samples.shape[1], real.shape[1])
    halves = [
        _captioned(_enlarged(tile(_repeated(images, height // images.shape[1]), columns), scale), caption)
        for images, caption in zip((samples, real[: len(samples)]), captions, strict=True)
    ]
    gap = 8 * scale
    size = (halves[0].width + gap + halves[1].width, max(half.height for half in halves))
    page = Image.new("RGB", size, _PAPER)
    page.paste(halves[0], (0, 0))
    page.paste(halves[1], (halves[0].width + gap, 0))
    return _save(page, path)


def animate(
    frames: npt.NDArray[np.uint8],
    path: Path,
    *,
    scale: int = 4,
    frame_seconds: float = 0.25,
    last_seconds: float = 2.0,
) -> Path:
    """Writes an animated painting that repeats for ever.

    To show several at once, `tile` each frame.

    Args:
      frames: uint8 [T, H, W, C], T > 0, C 1 or 3.
      path: ends in .gif, .png or .apng (animated PNG), or .webp, which decides the format.
      scale: how many pixels wide a pixel is drawn, > 0.
      frame_seconds: how long each frame is shown, in seconds.
      last_seconds: how long the finished painting is shown, in seconds.

    Returns:
      `path`.

    Raises:
      ValueError: another dtype or shape, or a file name that ends otherwise.
    """
    _check(frames, "frames")
    if path.suffix.lower() not in _ANIMATIONS:
        raise ValueError(f"path: an animation ends in one of {', '.join(_ANIMATIONS)}, got {path.name!r}")
    pages = [_enlarged(frame, scale) for frame in frames]
    durations = [round(1000 * frame_seconds)] * (len(pages) - 1) + [round(1000 * last_seconds)]
    return _save(pages[0], path, rest=pages[1:], durations=durations)


def _check(images: npt.NDArray[np.uint8], name: str) -> None:
    if images.dtype != np.uint8 or images.ndim != 4 or images.shape[3] not in (1, 3) or 0 in images.shape:
        raise ValueError(f"{name}: expected uint8 [N, H, W, 1 or 3], N > 0, got {images.dtype} {list(images.shape)}")


def _repeated(images: npt.NDArray[np.uint8], scale: int) -> npt.NDArray[np.uint8]:
    return images.repeat(scale, axis=1).repeat(scale, axis=2)


def _enlarged(image: npt.NDArray[np.uint8], scale: int) -> Image.Image:
    """uint8 [H, W, C] to an RGB image with every pixel `scale` wide and high."""
    if scale < 1:
        raise ValueError(f"scale: expected a positive number, got {scale}")
    colour = np.repeat(image, 3, axis=2) if image.shape[2] == 1 else image
    return Image.fromarray(_repeated(colour[None], scale)[0])


def _text_size(text: str, font: ImageFont.ImageFont | ImageFont.FreeTypeFont) -> tuple[int, int]:
    _, _, right, bottom = font.getbbox(text)
    return int(np.ceil(right)), int(np.ceil(bottom))


def _labelled(sheet: Image.Image, labels: Sequence[str]) -> Image.Image:
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
    if not caption:
        return sheet
    font = ImageFont.load_default()
    width, _ = _text_size(caption, font)
    _, height = _text_size("Ag", font)  # of any caption, so that sheets side by side line up
    top = height + 2 * _MARGIN
    page = Image.new("RGB", (max(sheet.width, width + 2 * _MARGIN), top + sheet.height), _PAPER)
    page.paste(sheet, (0, top))
    ImageDraw.Draw(page).text((_MARGIN, _MARGIN), caption, fill=_INK, font=font)
    return page


def _save(page: Image.Image, path: Path, *, rest: Sequence[Image.Image] = (), durations: Sequence[int] = ()) -> Path:
    """Writes under a temporary name, then renames, so that a viewer never sees half a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=path.suffix)
    os.close(descriptor)
    try:
        if rest:
            page.save(temporary, save_all=True, append_images=rest, duration=list(durations), loop=0)
        else:
            page.save(temporary)
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    return path
