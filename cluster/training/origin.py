"""The other run whose networks a run begins with; it counts until the run has a checkpoint of its own."""

from __future__ import annotations

import json

from cluster.errors import UserError, one_line
from cluster.runs import checkpoints
from cluster.runs.checkpoints import Checkpoint
from cluster.runs.folder import RunFolder
from cluster.runs.stored_settings import open_to_read
from envs.data_files import write_atomically
from envs.untrusted import read_json

FILE = "warm_start.json"


def keep_origin(folder: RunFolder, run: str, update: int) -> None:
    """Write down in a new run's folder that it begins with a checkpoint of another.

    Args:
        folder: Of the new run.
        run: Name of an agent, or whole path of the other run.
        update: Of the checkpoint.
    """
    write_atomically(folder.path / FILE, json.dumps({"run": run, "update": update}) + "\n")


def load_origin(folder: RunFolder) -> Checkpoint | None:
    """Load the checkpoint that a run was to begin with, if it ended before it had one of its own.

    Returns:
        None if it has one, or began from nothing.

    Raises:
        UserError: The other run's checkpoint is not there any more.
    """
    path = folder.path / FILE
    if folder.has_checkpoint or not path.exists():
        return None
    try:
        values = read_json(path)
        run, ending = str(values["run"]), f"-update-{int(values['update'])}"
        found = [each for each in checkpoints.checkpoints(open_to_read(run).checkpoints) if each.name.endswith(ending)]
        return checkpoints.load(found[-1])
    except (UserError, OSError, ValueError, KeyError, TypeError, IndexError) as error:
        raise UserError(
            f"{folder.path} has no checkpoint, and what it was to begin with can not be read: {one_line(error)}; "
            "remove the folder, and begin again"
        ) from error
