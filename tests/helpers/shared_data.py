"""Where this project's own machines keep real data for tests; elsewhere the tests that need it skip and say so."""

import os
from pathlib import Path

import pytest


def shared_folder() -> Path | None:
    """`$IMPASTO_SHARED`, or `../shared` beside the repository; None where there is no such folder."""
    chosen = os.environ.get("IMPASTO_SHARED")
    folder = Path(chosen) if chosen else Path(__file__).resolve().parents[3] / "shared"
    return folder if folder.is_dir() else None


def shared_path(relative: str) -> Path:
    """A path under the shared folder; skips the calling test where it is absent."""
    folder = shared_folder()
    if folder is None or not (folder / relative).exists():
        pytest.skip(f"needs {relative} of the shared folder (set IMPASTO_SHARED); it is absent here")
    return folder / relative
