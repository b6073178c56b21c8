"""A small stand-in for MNIST's files."""

import gzip
from pathlib import Path

import numpy as np


def idx(array: np.ndarray) -> bytes:
    """An IDX file of unsigned bytes."""
    header = bytes([0, 0, 8, array.ndim]) + b"".join(n.to_bytes(4, "big") for n in array.shape)
    return header + array.astype(np.uint8).tobytes()


def generated_mnist() -> dict[str, bytes]:
    """Name to content of the four files: 30 training and 20 test digits of noise."""
    rng = np.random.default_rng(0)
    made = {}
    for prefix, count in (("train", 30), ("t10k", 20)):
        made[f"{prefix}-images-idx3-ubyte"] = idx(rng.integers(0, 256, (count, 28, 28)))
        made[f"{prefix}-labels-idx1-ubyte"] = idx(rng.integers(0, 10, count))
    return made


def put(folder: Path, files: dict[str, bytes], *, packed: bool = False) -> Path:
    """Writes the files into a folder, unpacked or packed with gzip."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / (name + ".gz" if packed else name)).write_bytes(gzip.compress(content) if packed else content)
    return folder
