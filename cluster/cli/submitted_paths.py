"""Files and folders that a job's command names, and that do not travel with the checkout."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path


def left_behind(arguments: Sequence[str], repository: Path, travels: Collection[str]) -> list[str]:
    """Find the paths on a command line that exist here and that the job will not find.

    Args:
        arguments: of the command, which is the first of them; `--option=PATH` counts as well.
        repository: the checkout, in which the job's command starts.
        travels: paths of the uploaded files, below the checkout.

    Returns:
        A sentence for each.
    """
    found = []
    for word in arguments[1:]:
        given = word.partition("=")[2] if word.startswith("--") else word
        path = Path(given).expanduser()
        if not given or given.startswith("-") or not _exists(path):
            continue
        whole = path.resolve()
        if not whole.is_relative_to(repository):
            found.append(
                f"{given} is on this machine only, outside the checkout: put it on storage that the job reaches"
            )
            continue
        inside = whole.relative_to(repository).as_posix()
        if inside != "." and not any(name == inside or name.startswith(f"{inside}/") for name in travels):
            found.append(
                f"{given} is on this machine only: .gitignore or .rayignore leave it out of the upload; put it on "
                "storage that the job reaches"
            )
        elif path.is_absolute() or (repository / path).resolve() != whole:
            found.append(f"{given} has another path in the job, which starts in the checkout: give {inside}")
    return found


def _exists(path: Path) -> bool:
    """True if there is such a file or folder; words that are no paths, such as very long ones, are not."""
    try:
        return path.exists()
    except (OSError, ValueError):
        return False
