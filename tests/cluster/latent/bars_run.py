"""Runs of seconds in the latent world of bars: their data and their command line."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from PIL import Image

from tests.helpers.latent_bars import QUICK, SIDE, bars

#: Of few images: whether the GAN covers their classes is not what is tested here.
PARTS = dataclasses.replace(QUICK, minimum_class_share=0.0)

AGENT: dict[str, Any] = {
    "hidden": (32, 32), "batch": 64, "updates_per_order": 8, "samples_per_insert": 8.0, "warmup_steps": 256,
    "insert_slack": 512, "replay_capacity": 2048, "worlds": 64, "block": 64, "noise": 0.0, "sample_minutes": 0.02,
}  # fmt: skip


def write_bars(folder: Path) -> Path:
    """Bars as a folder with ``train`` and ``test``, each with a folder for each class."""
    for split, count, seed in (("train", 600, 0), ("test", 120, 1)):
        data = bars(count, seed)
        assert data.labels is not None
        for number, (image, label) in enumerate(zip(data.images, data.labels, strict=True)):
            path = folder / split / data.classes[label] / f"{number:04d}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(image[..., 0]).save(path)
    return folder


def options(data: Path, run: Path, **changes: Any) -> list[str]:
    """A command line that trains for seconds."""
    parts = {name: getattr(PARTS, name) for name in PARTS.__dataclass_fields__}
    given = parts | AGENT | {"data": data, "image_size": SIDE, "run": run} | changes
    words = ["train", "latent"]
    for name, value in given.items():
        values = value if isinstance(value, tuple) else (value,)
        words += [f"--{name.replace('_', '-')}", *(str(each) for each in values)]
    return words
