"""Location of a run: a local folder and, if the run was given an address, a folder on shared storage."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

from cluster.errors import UserError
from cluster.runs.folder import is_being_written
from cluster.runs.remote import RemoteFolder, fetch_to_resume
from cluster.runs.uri import is_uri


@dataclass(frozen=True)
class RunPlace:
    """A run's local folder and, if it was given an address, its folder on shared storage.

    Attributes:
        path: The local folder.
        remote: The folder on shared storage.
    """

    path: Path
    remote: RemoteFolder | None = None

    @classmethod
    def find(cls, run: str, *, new: bool = False) -> RunPlace:
        """Find the place that `run` names.

        Args:
            run: A path; an address, whose last part names the local folder; with `new` a name. Names, and inside a
                submitted job all relative paths too, lie in $IMPASTO_RUNS; if that is not set, in `runs`, and in a job
                in `impasto-runs` of the home folder: a job's working folder is deleted with it.
            new: `run` is a name that was made up.

        Raises:
            UserError: The address can not be reached.
        """
        in_job = "RAY_JOB_CONFIG_JSON_ENV_VAR" in os.environ
        runs = Path(os.environ.get("IMPASTO_RUNS") or (Path.home() / "impasto-runs" if in_job else "runs"))
        if is_uri(run):
            remote = RemoteFolder(run)
            return cls(runs / remote.name, remote)
        return cls(runs / run if new or in_job else Path(run))

    def mark(self) -> None:
        """Note in the local folder of which address it is a copy."""
        if self.remote is not None:
            (self.path / "origin.json").write_text(json.dumps({"uri": self.remote.uri}) + "\n")

    def fetch(self) -> None:
        """Copy a run from shared storage to the local folder, to go on with it.

        Raises:
            UserError: There is none, or the local folder is in use.
        """
        if self.remote is not None:
            if self.path.exists() and is_being_written(self.path):
                raise UserError(f"{self.path} is being written by another driver: wait for it or end it")
            fetch_to_resume(self.remote, self.path)
