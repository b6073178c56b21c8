"""A stored run for the commands that read one."""

from __future__ import annotations

from cluster.runs.checkpoints import Checkpoint
from cluster.runs.folder import RunFolder
from cluster.runs.stored import last_checkpoint
from cluster.runs.stored_settings import open_to_read


def stored(run: str, best: bool) -> tuple[RunFolder, Checkpoint]:
    """Open a run's folder, which may be training, and load its newest checkpoint, or its best.

    Raises:
        UserError: There is no run or no intact checkpoint.
    """
    folder = open_to_read(run)
    checkpoint = last_checkpoint(folder, best=best)
    assert checkpoint is not None
    return folder, checkpoint
