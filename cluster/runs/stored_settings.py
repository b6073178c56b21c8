"""Reading a stored run's folder and settings, without torch; errors are `UserError`s."""

from __future__ import annotations

from typing import TypeVar

from cluster.errors import LONGEST_MESSAGE, UserError, one_line
from cluster.runs import own_files
from cluster.runs.agents import find_agent
from cluster.runs.folder import RunFolder, RunFolderError
from cluster.runs.kinds import DEFAULT_KIND, settings_class
from cluster.runs.settings import RunSettings

Settings = TypeVar("Settings", bound=RunSettings)


def open_to_read(run: str) -> RunFolder:
    """Open a run's folder, or that of an agent by its name, without its lock: it may be training."""
    return RunFolder.open(find_agent(run) or run, write=False)


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
