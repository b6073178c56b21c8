"""Reading a stored run's checkpoints; errors are `UserError`s."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from cluster.errors import UserError
from cluster.runs import checkpoints
from cluster.runs.checkpoints import Checkpoint
from cluster.runs.folder import RunFolder
from cluster.runs.manifests import CheckpointDamaged

#: Counters of a checkpoint that commands read.
COUNTERS = ("trained_steps", "trained_seconds", "restarts")
LARGEST_COUNT = 2**62


def last_checkpoint(folder: RunFolder, *, required: bool = True, best: bool = False) -> Checkpoint | None:
    """Load the newest intact checkpoint, or the best one; damaged ones are named on standard error.

    Returns:
        None if there is no checkpoint and it is not required.

    Raises:
        UserError: There is none although it is required, or the best one is damaged.
    """
    if best and (path := checkpoints.best(folder.checkpoints)):
        return with_counters(path)
    path, damaged = checkpoints.latest_good(folder.checkpoints)
    for message in damaged:
        print(f"warning: damaged checkpoint skipped: {message}", file=sys.stderr)
    if path is None:
        if required or damaged:
            raise UserError(f"{folder.path}: no intact checkpoint")
        return None
    return with_counters(path)


def with_counters(path: Path) -> Checkpoint:
    """Load a checkpoint, and look at the counters of the training that every command reads.

    Raises:
        CheckpointDamaged: (a UserError) It is damaged, or one of them is no number.
    """
    checkpoint = checkpoints.load(path)
    counters = checkpoint.documents.get("counters", {})
    for name in COUNTERS:
        value = counters.get(name, 0) if isinstance(counters, dict) else None
        if not isinstance(value, int | float) or not 0 <= value < LARGEST_COUNT:
            raise CheckpointDamaged(f"{path / 'counters.json'} can not be read: its {name} is no number")
    return checkpoint


def counters_of(checkpoint: Checkpoint, *names: str) -> dict[str, Any]:
    """Return the counters of a checkpoint, which must hold these.

    Raises:
        UserError: It lacks one of them.
    """
    counters: dict[str, Any] = checkpoint.documents.get("counters", {})
    for name in names:
        if name not in counters:
            raise UserError(f"the checkpoint of update {checkpoint.update} lacks the counter {name}")
    return counters


def about_run(folder: RunFolder, checkpoint: Checkpoint, sheet: Path) -> dict[str, Any]:
    """Describe an evaluated run: folder, length of its training, and the picture's path."""
    counters = counters_of(checkpoint, "trained_steps", "trained_seconds")
    return {
        "run": str(folder.path),
        "updates": checkpoint.update,
        "env_steps": counters["trained_steps"],
        "minutes": counters["trained_seconds"] / 60,
        "sheet": str(sheet),
    }
