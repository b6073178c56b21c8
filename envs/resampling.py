"""Anti-aliased resizing of stacks of images: pooling by whole factors, and two matrix products for any size."""

from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

_CHUNK_VALUES = 1 << 22
"""Float32 values held at once on the way: 16 MiB, so that resizing 60 000 images needs little more than its result."""


@lru_cache(maxsize=64)
def resampling_matrix(source: int, target: int) -> npt.NDArray[np.float32]:
    """Compute the weights of each source pixel in each target pixel along one axis.

    Shrinking averages over area: each source pixel counts by the share of the target pixel that it covers, so an
    integer ratio is exactly average pooling. Enlarging is Catmull-Rom interpolation (cubic convolution with a = -0.5;
    Keys 1981, "Cubic convolution interpolation for digital image processing"), the same as Pillow's BICUBIC, edges
    included. The same size is the identity.

    Args:
        source: pixels along the axis, > 0.
        target: pixels wanted, > 0.

    Returns:
        float32 [target, source], each row summing to 1; read-only, it is shared between calls.
    """
    step = source / target
    if target <= source:
        left = np.arange(target)[:, None] * step
        pixel = np.arange(source)[None, :]
        covered = np.minimum(left + step, pixel + 1) - np.maximum(left, pixel)
        weights = np.clip(covered, 0.0, None)
    else:
        center = (np.arange(target)[:, None] + 0.5) * step - 0.5
        distance = np.abs(np.arange(source)[None, :] - center)
        near = 1.5 * distance**3 - 2.5 * distance**2 + 1
        far = -0.5 * distance**3 + 2.5 * distance**2 - 4 * distance + 2
        weights = np.where(distance < 1, near, np.where(distance < 2, far, 0.0))
    normalized: npt.NDArray[np.float32] = (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)
    normalized.flags.writeable = False
    return normalized


def resample(image: npt.NDArray[np.float32], size: int) -> npt.NDArray[np.float32]:
    """Resize real values float32 [..., H, W] to [..., size, size]; see `resampling_matrix` for the filter."""
    height, width = image.shape[-2:]
    resized: npt.NDArray[np.float32] = resampling_matrix(height, size) @ (image @ resampling_matrix(width, size).T)
    return resized


def resize_images(images: npt.NDArray[np.uint8], size: int) -> npt.NDArray[np.uint8]:
    """Resize a stack of images to `size` x `size`, anti-aliased; see `resampling_matrix` for the filter.

    Halves round up, so shrinking 64 to 32 is `(a + b + c + d + 2) >> 2`.

    Args:
        images: uint8 [N, H, W, C].
        size: height and width of the result, > 0.

    Returns:
        uint8 [N, size, size, C]; `images` itself if it has that size already.

    Raises:
        ValueError: `images` is not uint8 [N, H, W, C], or is empty along H, W or C.

    Example:
        >>> resize_images(np.array([[[[0], [255]], [[255], [255]]]], np.uint8), 1).item()
        191
    """
    if images.dtype != np.uint8 or images.ndim != 4 or 0 in images.shape[1:]:
        raise ValueError(f"images: expected uint8 [N, H, W, C], got {images.dtype} {list(images.shape)}")
    count, height, width, channels = images.shape
    if (height, width) == (size, size):
        return images
    rows, columns = resampling_matrix(height, size), resampling_matrix(width, size).T
    resized = np.empty((count, size, size, channels), np.uint8)
    chunk = max(1, _CHUNK_VALUES // (channels * max(height, size) * max(width, size)))
    for start in range(0, count, chunk):
        planes = np.moveaxis(images[start : start + chunk], 3, 1).astype(np.float32)  # [n, C, H, W]
        narrowed = planes.reshape(-1, width) @ columns  # one large product is faster than many small ones
        values = rows @ narrowed.reshape(-1, channels, height, size)
        np.clip(values + 0.5, 0.0, 255.0, out=values)
        resized[start : start + chunk] = np.moveaxis(values, 1, 3)  # conversion to uint8 rounds down
    return resized


def pool(canvas: npt.NDArray[np.uint8], size: int) -> npt.NDArray[np.uint8]:
    """Area-pool uint8 [N, H, W, C] to [N, size, size, C], rounding half up; `size` divides H = W."""
    count, height, _, channels = canvas.shape
    factor = height // size
    if factor == 1:
        return canvas
    # Sums of slices in the narrowest type that holds them: ten times as fast as sum(axis, dtype).
    wide = np.uint16 if factor <= 16 else np.uint32
    rows = canvas.reshape(count * size, factor, height * channels)
    total: npt.NDArray[Any] = rows[:, 0].astype(wide)
    for row in range(1, factor):
        total += rows[:, row]
    columns = total.reshape(count, size, size, factor, channels)
    cells: npt.NDArray[Any] = columns[:, :, :, 0] + wide(factor * factor // 2)
    for column in range(1, factor):
        cells += columns[:, :, :, column]
    area = factor * factor
    if area & (area - 1):
        cells //= wide(area)
    else:  # with a shift the whole takes a third of the time
        cells >>= wide(area.bit_length() - 1)
    return cells.astype(np.uint8)
