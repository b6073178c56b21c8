"""The line about what a test run left out."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.optional_parts import left_out

ROOT = Path(__file__).resolve().parents[1]


def test_parts_are_counted_and_named_with_the_way_to_have_them() -> None:
    chromium = ["no chromium on PATH: apt-get install chromium"] * 22
    recordings = ["no recordings in /x; set IMPASTO_SHARED to the folder that holds golden/"] * 15
    assert left_out([*recordings, *chromium, "no fork on this system"], slow=9) == (
        "left out: 22 of the dashboard in a browser (apt install chromium), 15 with recordings and real data "
        "(IMPASTO_SHARED=FOLDER), 9 that take minutes (make test-slow), 1 for reasons listed above"
    )
    assert left_out([]) == ""


def test_a_run_without_the_recordings_says_so() -> None:
    """The published recordings are looked for in a folder that is not there."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "pymypaint/tests/test_recordings.py"]
    command += ["tests/test_optional_parts.py", "-k", "published or counted"]
    ran = subprocess.run(
        command, cwd=ROOT, env=os.environ | {"IMPASTO_SHARED": "/nowhere"}, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stdout
    assert "left out: 15 with recordings and real data (IMPASTO_SHARED=FOLDER)" in ran.stdout
