"""Location of a run: a local folder and, if the run was given an address, a folder on shared storage."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

from cluster.errors import UserError
from cluster.runs.folder import is_being_written
from cluster.runs.remote import RemoteFolder, fetch_to_resume, is_uri


@dataclass(frozen=True)
class RunPlace:
    """A run's local folder and, where it was given an address, its place on shared storage.

    Attributes:
        path: the local folder.
        remote: the folder on shared storage.
    """

    path: Path
    remote: RemoteFolder | None = None

    @classmethod
    def find(cls, run: str, *, new: bool = False) -> RunPlace:
        """The place that ``run`` means.

        Args:
            run: a path; an address, whose last part names the local folder; with ``new`` a name. Names, and inside a
                submitted job all relative paths too, are looked for in $IMPASTO_RUNS. Without it that is ``runs``, and
                in a job ``impasto-runs`` of the home folder: a job's working folder goes away with it.
            new: ``run`` is a name that was made up.

        Raises:
            UserError: the address can not be reached.
        """
        in_job = "RAY_JOB_CONFIG_JSON_ENV_VAR" in os.environ
        runs = Path(os.environ.get("IMPASTO_RUNS") or (Path.home() / "impasto-runs" if in_job else "runs"))
        if is_uri(run):
            remote = RemoteFolder(run)
            return cls(runs / remote.name, remote)
        return cls(runs / run if new or in_job else Path(run))

    def mark(self) -> None:
        """Note in the local folder of which address it is the copy."""
        if self.remote is not None:
            (self.path / "origin.json").write_text(json.dumps({"uri": self.remote.uri}) + "\n")

    def fetch(self) -> None:
        """Bring a run on shared storage here, to go on with it.

        Raises:
            UserError: there is none, or the local folder is in use.
        """
        if self.remote is not None:
            if self.path.exists() and is_being_written(self.path):
                raise UserError(f"{self.path} is being written by another driver: wait for it or end it")
            fetch_to_resume(self.remote, self.path)
