"""A painting in other formats than pixels: vectors, animations, layers."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from cluster.errors import UserError
from cluster.painter.pictures.dabs import write_svg_dabs
from cluster.painter.pictures.strokes_file import Painting
from envs.large_canvas import LargeCanvas, StrokeList, hex_color, shrink

FORMATS = ("png", "json", "svg", "gif", "mp4", "ora")
"""Formats that `write` knows."""
SvgKind = Literal["strokes", "dabs"]
"""What an SVG has a shape for."""
FRAMES, SECONDS = 150, 10.0
"""Of an animation; its last frame stays for two seconds more."""
GIF_SIZE = 480


def write(
    painting: Painting,
    pixels: NDArray[np.uint8],
    folder: Path,
    name: str,
    formats: tuple[str, ...],
    svg: SvgKind = "strokes",
) -> list[Path]:
    """Write a painting into a folder.

    Args:
        painting: Its strokes.
        pixels: uint8 [H, W, 3].
        folder: Is made if it is not there.
        name: Of the files, without suffix.
        formats: Of `FORMATS`.
        svg: What an SVG has a shape for.

    Returns:
        The files' paths.

    Raises:
        UserError: A package for a format is missing, there are too many strokes for a file of them, or SVG can not
            say what the brush does; formats before it are then written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    writers = {
        "svg": write_svg if svg == "strokes" else write_svg_dabs,
        "gif": write_gif,
        "mp4": write_mp4,
        "ora": write_ora,
    }
    paths = []
    for kind in sorted(formats, key="json".__eq__):  # it comes last, as there may be too many strokes for it
        path = folder / f"{name}.{kind}"
        if kind == "png":
            Image.fromarray(pixels).save(path)
        elif kind == "json":
            painting.save(path)
        else:
            writers[kind](painting, pixels, path)
        paths.append(path)
    return paths


def stroke_profile(brush: str) -> tuple[float, float]:
    """Measure a brush's stroke across an empty canvas as a plain line: width in radii, and opacity."""
    radius, size = 12.0, 128
    canvas = LargeCanvas(size, size, brush)
    start, control, end = (np.array([[64.0, x]]) for x in (10.0, 64.0, 118.0))
    zeros = np.zeros(1)
    stroke = StrokeList(
        *(start, control, end, zeros + radius, np.zeros((1, 3)), zeros + 0.8, zeros.astype(np.int64), zeros),
        window=np.full((1, 3), np.nan),
    )
    canvas.paint(stroke)
    ink = 1 - canvas.pixels()[:, 34:94].mean((1, 2)) / 255
    canvas.close()
    opacity = float(np.quantile(ink[int(64 - radius / 2) : int(64 + radius / 2)], 0.5).clip(0.05, 1))
    return float(ink.sum() / opacity / radius), opacity


def write_svg(painting: Painting, pixels: NDArray[np.uint8], path: Path) -> None:
    """Write a path for each stroke, with the width and opacity that the brush has on the whole."""
    width, opacity = stroke_profile(painting.brush)
    strokes = painting.strokes
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {painting.width} {painting.height}" '
        f'width="{painting.width}" height="{painting.height}">',
        '<rect width="100%" height="100%" fill="#fff"/>',
        f'<g fill="none" stroke-linecap="round" stroke-opacity="{opacity:.3f}">',
    ]
    for i in range(len(strokes)):
        start, control, end = (f"{place[1]:.1f} {place[0]:.1f}" for place in painting.places(i))
        look = f'stroke="{hex_color(strokes.color[i])}" stroke-width="{width * strokes.radius[i]:.2f}"'
        lines.append(f'<path d="M{start}Q{control} {end}" {look}/>')
    path.write_text("\n".join([*lines, "</g>", "</svg>", ""]))


def frames(painting: Painting, size: int) -> Iterator[NDArray[np.uint8]]:
    """The canvas as it is painted, uint8 [h, w, 3], its longer side at most `size`; even numbers of pixels."""
    count = len(painting.strokes)
    scale = min(1.0, size / max(painting.width, painting.height))
    height, width = (max(2, int(side * scale) // 2 * 2) for side in (painting.height, painting.width))
    canvas = painting.canvas()
    # Early strokes change most: frames follow the square of the time.
    stops = np.unique((np.linspace(0, 1, FRAMES) ** 2 * count).round().astype(int))
    done = 0
    for stop in stops:
        canvas.paint(painting.strokes[done:stop])
        done = stop
        yield shrink(painting.cut(canvas.pixels()), height, width)
    canvas.close()


def write_gif(painting: Painting, pixels: NDArray[np.uint8], path: Path) -> None:
    """Write an animation that plays again and again."""
    images = [Image.fromarray(frame).quantize(128) for frame in frames(painting, GIF_SIZE)]
    duration = [round(1000 * SECONDS / len(images))] * (len(images) - 1) + [2000]
    images[0].save(path, save_all=True, append_images=images[1:], duration=duration, loop=0)


def write_mp4(painting: Painting, pixels: NDArray[np.uint8], path: Path) -> None:
    """Write a film (H.264), by the encoder that imageio-ffmpeg brings."""
    try:
        import imageio_ffmpeg
    except ImportError as error:
        raise UserError("--formats mp4: needs imageio-ffmpeg; pip install impasto[video], or take gif") from error
    pictures = list(frames(painting, 1080))
    height, width = pictures[0].shape[:2]
    rate = FRAMES / SECONDS
    options = ["-movflags", "+faststart"]
    writer = imageio_ffmpeg.write_frames(
        str(path), (width, height), fps=rate, macro_block_size=2, output_params=options
    )
    writer.send(None)
    for picture in [*pictures, *[pictures[-1]] * round(2 * rate)]:
        writer.send(np.ascontiguousarray(picture))
    writer.close()


def write_ora(painting: Painting, pixels: NDArray[np.uint8], path: Path) -> None:
    """Write OpenRaster: a layer for each stage of the search above white, for Krita, MyPaint and GIMP."""
    layers = [("paper", Image.new("RGBA", (painting.width, painting.height), "white"))]
    for stage in np.unique(painting.strokes.stage):
        canvas = painting.canvas(transparent=True)
        canvas.paint(painting.strokes[painting.strokes.stage == stage])
        layers.append((f"stage {stage}", Image.fromarray(painting.cut(canvas.layer()))))
        canvas.close()
    rows = [
        f'<layer name="{name}" src="data/layer{number}.png" x="0" y="0" opacity="1.0" visibility="visible" '
        f'composite-op="svg:src-over"/>'
        for number, (name, _) in reversed(list(enumerate(layers)))
    ]
    stack = (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<image version="0.0.3" w="{painting.width}" h="{painting.height}">'
        f"<stack>{''.join(rows)}</stack></image>\n"
    )
    merged = Image.fromarray(pixels)
    thumbnail = merged.copy()
    thumbnail.thumbnail((256, 256))
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("mimetype", "image/openraster")  # first and not compressed, as the standard wants
        archive.writestr("stack.xml", stack)
        for number, (_, layer) in enumerate(layers):
            archive.writestr(f"data/layer{number}.png", png(layer))
        archive.writestr("mergedimage.png", png(merged))
        archive.writestr("Thumbnails/thumbnail.png", png(thumbnail))


def png(image: Image.Image) -> bytes:
    """The image as a PNG file."""
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()
