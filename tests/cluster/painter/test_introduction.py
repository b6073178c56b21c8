"""A run tells its data at its start, and refuses too few images before anything starts."""

from pathlib import Path

import pytest
from PIL import Image

from cluster.latent import assets
from cluster.latent.settings import LatentSettings
from cluster.painter.data import introduce
from cluster.painter.settings import preset
from cluster.painter.trainer import PainterTrainer
from envs.data_files import DataError


def pictures(folder: Path, count: int) -> str:
    folder.mkdir(parents=True, exist_ok=True)
    for i in range(count):
        Image.new("L", (40, 40), i).save(folder / f"{i:03}.png")
    return str(folder)


def test_a_painter_tells_its_pictures(tmp_path: Path) -> None:
    data = pictures(tmp_path, 20)
    trainer = PainterTrainer(preset("laptop", data))
    assert trainer.introduction == f"{data}: 18 images to learn from, 2 held out (every tenth picture is held out)"
    trainer.close()
    assert introduce(preset("laptop", "scenes")).startswith("scenes: 50000 to learn from, 1000 held out")


def test_a_latent_run_tells_its_classes(tmp_path: Path) -> None:
    for kind in "ab":
        pictures(tmp_path / "set" / kind, 10)
    lines = assets.introduce(LatentSettings().replace(data=str(tmp_path))).splitlines()
    assert lines == [
        f"{tmp_path}: 18 images to learn from, 2 held out (every tenth picture is held out)",
        "classes: a 9 + 1, b 9 + 1",
    ]


def test_one_image_is_too_few(tmp_path: Path) -> None:
    data = pictures(tmp_path, 1)
    expected = "1 images in the train split, at least 2 are needed"
    with pytest.raises(DataError, match=expected):
        PainterTrainer(preset("laptop", data))
    with pytest.raises(DataError, match=expected):
        assets.introduce(LatentSettings().replace(data=data))
