"""The README's example runs as it stands."""

import re
from pathlib import Path
from typing import Any

import numpy as np


def test_example() -> None:
    readme = (Path(__file__).parents[1] / "README.md").read_text()
    (example,) = re.findall(r"```python\n(.*?)```", readme, re.DOTALL)
    names: dict[str, Any] = {}
    exec(example, names)
    assert names["painting"].shape == (4, 64, 64, 4)
    assert (names["observation"] != 255).any(axis=(1, 2, 3)).all()
    assert names["painting"].dtype == np.uint16
