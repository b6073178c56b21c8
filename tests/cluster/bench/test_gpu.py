"""The benchmark of GPUs on the CPU, tiny, without Ray and Redis."""

from __future__ import annotations

import json
import math
import subprocess
import sys

import pytest

#: What runs where none of what it does not need is installed.
WITHOUT = """
import sys
MISSING = "httpx jinja2 matplotlib plotly pyarrow ray redis rich safetensors scipy starlette torchvision uvicorn"
class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in MISSING.split():
            raise ImportError(name)
sys.meta_path.insert(0, Blocked())
from cluster.cli import main
sys.exit(main(["bench", "gpu", "--device", "cpu", "--quick", "--preset", sys.argv[1]]))
"""


@pytest.mark.parametrize("preset", ["laptop", pytest.param("paper", marks=pytest.mark.slow)])
def test_losses_learners_and_inference_need_neither_ray_nor_redis(preset: str) -> None:
    done = subprocess.run([sys.executable, "-c", WITHOUT, preset], capture_output=True, text=True, timeout=570)
    assert done.returncode == 0, done.stderr[-2000:]
    assert "the whole run and the training are left out: no ray and no redis here" in done.stderr
    figures = {each["figure"]: each for each in map(json.loads, done.stdout.splitlines())}
    assert set(figures) == {
        f"gpu {preset}, largest difference of a loss to the CPU's, float32",
        f"gpu {preset}, largest difference of a loss to the CPU's, bfloat16",
        f"gpu {preset}, policy learner",
        f"gpu {preset}, discriminator",
        f"gpu {preset}, inference of 4 canvases",
    }
    same, narrow = (
        figures[f"gpu {preset}, largest difference of a loss to the CPU's, {p}"] for p in ("float32", "bfloat16")
    )
    assert same["value"] == 0  # the CPU against itself
    assert 0 < narrow["value"] < 0.05
    assert narrow["detail"]["within"] == (narrow["value"] <= narrow["detail"]["allowed"])
    assert len(narrow["detail"]["cpu_and_device"]) == 8
    shares = figures[f"gpu {preset}, policy learner"]["detail"]["shares"]
    assert shares["compute"] > 0
    assert 0 < shares["copies"] < shares["compute"]
    assert 0 <= shares["idle"] < 1
    assert all(math.isfinite(each["value"]) for each in figures.values())
