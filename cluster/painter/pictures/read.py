"""Reading a picture of any kind at the size that it is painted at."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageColor

from cluster.errors import UserError
from envs.decoding import decode_whole
from envs.untrusted import open_file, read_file


def read_picture(path: Path, size: int) -> NDArray[np.uint8]:
    """Read a picture: upright, on white where it is transparent, in RGB, its longer side `size` pixels.

    Returns:
        uint8 [H, W, 3].

    Raises:
        UserError: There is no such file, or it is not an image.
    """
    try:
        with open_file(path) as file:
            image = decode_whole(file, size)
    except (FileNotFoundError, IsADirectoryError):
        raise UserError(f"{path}: no such image file") from None
    except Exception as error:  # decoders raise almost anything on a broken file
        raise UserError(f"{path}: can not be read as an image: {' '.join(str(error).split())}") from error
    scale = size / max(image.size)
    width, height = (max(1, round(side * scale)) for side in image.size)
    resample = Image.Resampling.LANCZOS
    pixels: NDArray[np.uint8] = np.asarray(image.resize((width, height), resample))
    return pixels


def read_palette(given: str) -> NDArray[np.float64]:
    """Read a palette: colors separated by commas, or a file with a color a line (GIMP's `.gpl` too).

    Returns:
        float64 [P, 3], 0 to 1.

    Raises:
        UserError: It can not be read, or holds no colors.
    """
    path = Path(given)
    words = given.split(",")
    if path.is_file():
        try:
            words = read_file(path).decode().splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise UserError(f"--palette: {path} can not be read as text: {error}") from error
    colors = []
    for word in words:
        text = word.strip()
        if text in ("", "#") or text.startswith(("GIMP", "Name:", "Columns:", "# ")):
            continue
        numbers = text.split()[:3]
        if len(numbers) == 3 and all(number.isdigit() and int(number) < 256 for number in numbers):
            colors.append(tuple(int(number) for number in numbers))
            continue
        try:
            colors.append(ImageColor.getrgb(text if text[0].isalpha() or text[0] == "#" else f"#{text}")[:3])
        except ValueError:
            raise UserError(
                f"--palette: {text[:60]!r} is neither a color, as #a0c or teal, nor a palette's file"
            ) from None
    if not colors:
        raise UserError(f"--palette: {given} holds no colors")
    return np.array(colors, np.float64) / 255
