"""`--or-resume`: a run that has begun goes on with the settings that it began with, within the limits given now."""

from __future__ import annotations

import sys
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, TypeVar

from cluster.errors import UserError
from cluster.runs import own_files
from cluster.runs.folder import RunFolder
from cluster.runs.location import RunPlace
from cluster.runs.settings import RunSettings
from cluster.runs.stored_settings import read_settings
from cluster.training import launch

Settings = TypeVar("Settings", bound=RunSettings)

#: Settings that are taken as they are given now.
LIMITS = ("minutes", "steps", "redis")
#: Settings that a stored run has scaled, or as paths of copies.
STORED_OTHERWISE = ("actors", "task", "brush")


def begun(run: str) -> RunPlace | None:
    """Return the place of the run or population that `--or-resume` goes on with; None if it is still to begin.

    Raises:
        UserError: None is named.
    """
    if not run:
        raise UserError("--or-resume: give --run, what to begin or to go on with")
    place = RunPlace.find(run)
    return place if place.holds_run else None


def resume_begun(place: RunPlace, settings: RunSettings, address: str) -> int:
    """Go on with the run that `begun` found. Returns the exit status.

    Settings given now that are not the run's are named on standard error.

    Raises:
        UserError: The run is of another kind, or another driver writes it.
    """
    with place.claimed() as claimed:
        claimed.fetch()
        folder = RunFolder.open(claimed.path, write=False)
        for code in own_files.own_code(settings):  # given now, so it is the user's; that of the run has to be the same
            own_files.confirm(code)
        stored = read_settings(folder)
        if stored.kind != settings.kind:
            raise UserError(f"--or-resume: {claimed.path} is a run of kind {stored.kind}, not {settings.kind}")
        warn_of_others(claimed.path, stored.flat(), given_anywhere(settings).flat(), STORED_OTHERWISE)
        return launch.resume(claimed, address, limits(settings))


def given_anywhere(settings: Settings) -> Settings:
    """Return settings given now with paths that work from any folder, as stored ones have them."""
    return type(settings).from_json(settings.storable()).replace(redis=settings.flat()["redis"])


def limits(settings: RunSettings) -> dict[str, Any]:
    """Return the limits of settings given now, by name."""
    given = settings.flat()
    return {name: given[name] for name in LIMITS}


def warn_of_others(run: Path, stored: Mapping[str, Any], given: Mapping[str, Any], same: Collection[str]) -> None:
    """Name the settings given now that are not those with which a run or population goes on, on standard error.

    Args:
        run: Its folder.
        stored: Its settings.
        given: Those given now.
        same: Names of settings that are stored otherwise than they are given; so are those of `LIMITS`.
    """
    passed_over = {*LIMITS, *same}
    if other := [name for name, value in stored.items() if given[name] != value and name not in passed_over]:
        print(f"warning: {run} goes on with its own {', '.join(other)}, not with those given now", file=sys.stderr)
