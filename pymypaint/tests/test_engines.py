"""The fast engine paints what libmypaint's own engine paints, and every version of the pixel loops the same pixels."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from pymypaint import BatchPainter, find_brush

SIZES = np.log([1.0, 2.0, 4.0, 8.0, 12.0, 24.0])


def every_brush() -> list[str]:
    folder = find_brush("classic/pen").parents[1]
    return sorted(str(path.relative_to(folder).with_suffix("")) for path in folder.glob("*/*.myb"))


def paint(brush: str, seed: int, steps: int = 8, canvases: int = 3, size: int = 64) -> NDArray[np.uint16]:
    """Random strokes, a few moves among them, off-grid, over two episodes of one brush."""
    random = np.random.default_rng(seed)
    with BatchPainter(canvases, brush, height=size, width=size, history=True) as painter:
        painter.reset()
        for step in range(steps):
            if step == steps // 2:
                painter.reset(log_radius=0.7)
            painter.stroke(
                end=random.uniform(0, size, (canvases, 2)),
                control=random.uniform(0, size, (canvases, 2)),
                pressure=random.uniform(0, 1, canvases),
                log_radius=random.choice(SIZES, canvases),
                color=random.uniform(0, 1, (canvases, 3)),
                paint=random.uniform(size=canvases) < 0.8,
            )
        return painter.canvas_fix15()


@pytest.mark.parametrize("brush", every_brush())
@pytest.mark.filterwarnings("ignore:brush")
def test_fast_engine_is_libmypaints(brush: str, monkeypatch: pytest.MonkeyPatch) -> None:
    fast = paint(brush, seed=1)
    monkeypatch.setenv("PYMYPAINT_ENGINE", "libmypaint")
    np.testing.assert_array_equal(fast, paint(brush, seed=1))


def test_random_numbers_beyond_those_that_brushes_share(monkeypatch: pytest.MonkeyPatch) -> None:
    """A brush draws some millions of numbers: thousands of dabs a stroke, thirteen numbers a dab."""

    def paintings() -> list[NDArray[np.uint16]]:
        found = []
        with BatchPainter(2, "classic/dry_brush", history=True) as painter:
            painter.reset()
            for step in range(44):
                corner = np.full((2, 2), 64.0 * (step % 2))
                painter.stroke(
                    end=corner,
                    control=np.full((2, 2), 32.0),
                    pressure=np.array([0.3, 1.0]),
                    log_radius=np.full(2, np.log(0.25)),
                    color=np.full((2, 3), (1.0, 0.4, 0.0)),
                    paint=np.ones(2, bool),
                )
                painter.copy(np.array([step % 2, 1]))
                found.append(painter.canvas_fix15())
        return found

    fast = paintings()
    monkeypatch.setenv("PYMYPAINT_ENGINE", "libmypaint")
    np.testing.assert_array_equal(fast, paintings())


def test_every_version_of_the_kernels_paints_the_same() -> None:
    program = (
        "import hashlib, test_engines as t\n"
        "from pymypaint import _core\n"
        "print(_core.kernels())\n"
        "for brush in ('pen', 'charcoal', 'smudge+paint', 'calligraphy', 'ink_eraser'):\n"
        "    for size in (3, 100):\n"
        "        print(hashlib.sha256(t.paint('classic/' + brush, 2, size=size).tobytes()).hexdigest())"
    )
    answers, ran = set(), {}
    for version in ("baseline", "avx2", "best"):
        environment = os.environ | {"PYMYPAINT_KERNELS": version}
        command = [sys.executable, "-c", program]
        folder = Path(__file__).parent
        done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment, cwd=folder)
        ran[version], _, painted = done.stdout.partition("\n")
        answers.add(painted)
    assert len(answers) == 1
    assert painted.count("\n") == 10
    processor = Path("/proc/cpuinfo")
    flags = set(processor.read_text().split()) if processor.exists() else set()
    avx2 = "avx2" if "avx2" in flags else "baseline"
    best = "avx512" if {"avx512f", "avx512bw", "avx512dq", "avx512vl"} <= flags else avx2
    assert ran == {"baseline": "baseline", "avx2": avx2, "best": best}
