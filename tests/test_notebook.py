"""The notebook in `docs/` runs as it stands, without its install cell."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOK = ROOT / "docs" / "first_steps.ipynb"

CHECKS = """
assert len(pictures) == len(names) == 48
assert all((picture < 255).any() for picture, name in zip(pictures, names) if name == "classic/pen")
assert sum((picture < 255).any() for picture in pictures) > 24  # some brushes only smear what is there
assert len(frames) == 19 and (frames[-1] < 255).any()
"""


def cells() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(NOTEBOOK.read_text())["cells"]
    return found


def program(*left_out: str, **parameters: Any) -> str:
    """The code of the cells that have none of these tags; parameters are set in place of the cell for them."""
    parts = []
    for cell in cells():
        tags = cell["metadata"].get("tags", [])
        if cell["cell_type"] != "code" or set(tags) & set(left_out):
            continue
        if "parameters" in tags and parameters:
            parts += [f"{name} = {value!r}" for name, value in parameters.items()]
        else:
            parts.append("".join(cell["source"]))
    return "\n".join(parts)


def run(code: str, folder: Path) -> subprocess.CompletedProcess[str]:
    surroundings = os.environ | {"MPLBACKEND": "agg", "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path[1:]])}
    return subprocess.run(
        [sys.executable, "-c", code], cwd=folder, env=surroundings, capture_output=True, text=True, check=False
    )


def test_it_is_a_notebook_without_outputs() -> None:
    notebook = json.loads(NOTEBOOK.read_text())
    assert (notebook["nbformat"], notebook["nbformat_minor"]) == (4, 5)
    names = [cell["id"] for cell in cells()]
    assert len(set(names)) == len(names)
    code = [cell for cell in cells() if cell["cell_type"] == "code"]
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in code)
    tags = [tag for cell in code for tag in cell["metadata"].get("tags", [])]
    assert tags == ["install", "parameters", "training", "training"]


def test_brushes_and_world(tmp_path: Path) -> None:
    ran = run(program("install", "training") + CHECKS, tmp_path)
    assert ran.returncode == 0, ran.stdout + ran.stderr


@pytest.mark.slow
def test_training(tmp_path: Path) -> None:
    """A short one, on a few pictures of vertical lines."""
    (tmp_path / "pictures").mkdir()
    for column in range(64):
        picture = np.full((64, 64), 255, np.uint8)
        picture[8:56, max(0, column - 2) : column + 2] = 0
        Image.fromarray(picture).save(tmp_path / "pictures" / f"{column}.png")
    ran = run(program("install", DATA="pictures", MINUTES=0.1), tmp_path)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert list((tmp_path / "runs" / "first" / "samples").glob("*.png"))
