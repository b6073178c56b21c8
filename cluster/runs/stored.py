"""Reading a stored run: its folder, settings and checkpoints; errors are `UserError`s."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, TypeVar

from cluster.errors import UserError, one_line
from cluster.runs import checkpoints, own_files
from cluster.runs.agents import find_agent
from cluster.runs.checkpoints import LONGEST_MESSAGE, Checkpoint
from cluster.runs.folder import RunFolder, RunFolderError
from cluster.runs.kinds import DEFAULT_KIND, settings_class
from cluster.runs.manifests import CheckpointDamaged
from cluster.runs.settings import RunSettings

#: Counters of a checkpoint that commands read.
COUNTERS = ("trained_steps", "trained_seconds", "restarts")
LARGEST_COUNT = 2**62

Settings = TypeVar("Settings", bound=RunSettings)


def read_settings(folder: RunFolder) -> RunSettings:
    """Read the settings of a run of any kind.

    Raises:
        UserError: They can not be read, or its task is code that this machine has not confirmed.
    """
    settings = own_files.located(folder.path, parse_settings(folder))
    own_files.require_confirmed(folder.path, settings)
    return settings


def parse_settings(folder: RunFolder) -> RunSettings:
    """Read the settings of a run of any kind as `config.json` has them.

    Raises:
        UserError: They can not be read.
    """
    try:
        config = folder.read_config()
        return settings_class(config.get("kind", DEFAULT_KIND)).from_json(config)
    except (RunFolderError, ValueError, TypeError, AttributeError, OverflowError) as error:
        message = one_line(error)[:LONGEST_MESSAGE]
        raise UserError(f"{folder.config}: not the settings of a run: {message}") from error


def trust_task(folder: RunFolder) -> None:
    """Confirm the code that a run's task is, on this machine; its user has read it.

    Raises:
        UserError: The run's settings can not be read.
    """
    for code in own_files.own_code(own_files.located(folder.path, parse_settings(folder))):
        own_files.confirm(code)


def read_settings_as(kind: type[Settings], folder: RunFolder, command: str) -> Settings:
    """Read the settings of a run that must be of a certain kind.

    Args:
        kind: Class of the settings.
        folder: Of the run.
        command: Begins the error's message.

    Raises:
        UserError: It is a run of another kind.
    """
    settings = read_settings(folder)
    if not isinstance(settings, kind):
        raise UserError(f"{command}: {folder.path} is a run of kind {settings.kind}, not {kind.kind_phrase}")
    return settings


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


def open_to_read(run: str) -> RunFolder:
    """Open a run's folder, or that of an agent by its name, without its lock: it may be training."""
    return RunFolder.open(find_agent(run) or run, write=False)


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
