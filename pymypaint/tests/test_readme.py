"""The README's examples run as they stand."""

import re
from pathlib import Path
from typing import Any

import numpy as np


def test_examples() -> None:
    readme = (Path(__file__).parents[1] / "README.md").read_text()
    use, search = re.findall(r"```python\n(.*?)```", readme, re.DOTALL)
    names: dict[str, Any] = {}
    exec(use, names)
    assert names["painting"].shape == (4, 64, 64, 4)
    assert (names["observation"] != 255).any(axis=(1, 2, 3)).all()
    assert names["painting"].dtype == np.uint16
    exec(search, names)
    white = ((255 - names["targets"].astype(np.int64)) ** 2).sum((1, 2, 3))
    assert (names["errors"] < white).all()
