"""Virtual environments for other people's libraries, in which the packages of this one are found too."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
import venv
from collections.abc import Sequence
from pathlib import Path


def make_environment(place: Path) -> Path:
    """Make a virtual environment, in place of what is there, and return its Python."""
    venv.create(place, with_pip=True, clear=True)
    python = place / "bin" / "python"
    site = subprocess.check_output([python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"], text=True)
    paths = dict.fromkeys([sysconfig.get_path("purelib"), *(path for path in sys.path if path.endswith("-packages"))])
    (Path(site.strip()) / "impasto.pth").write_text("\n".join(paths))
    return python


def install(python: Path, packages: Sequence[str]) -> str:
    """Install packages there; returns what pip said if it failed, and nothing otherwise.

    Args:
        python: Of the environment.
        packages: Arguments of `pip install`.
    """
    done = subprocess.run([python, "-m", "pip", "install", "--quiet", *packages], capture_output=True, text=True)
    return (done.stderr.strip() or "pip failed") if done.returncode else ""
