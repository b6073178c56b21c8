"""Location of a run: a local folder and, if the run was given an address, a folder on shared storage."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cluster.errors import UserError
from cluster.runs.folder import is_being_written
from cluster.runs.lease import Lease
from cluster.runs.remote import RemoteFolder, fetch_to_resume
from cluster.runs.uri import is_uri


@dataclass(frozen=True)
class RunPlace:
    """A run's local folder and, if it was given an address, its folder on shared storage.

    Attributes:
        path: The local folder.
        remote: The folder on shared storage.
        lease: The right to write there; None of a place that is not claimed.
    """

    path: Path
    remote: RemoteFolder | None = None
    lease: Lease | None = None

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

    @property
    def holds_run(self) -> bool:
        """True if a run is here, or on shared storage."""
        remote = self.remote is not None and self.remote.read("config.json") is not None
        return remote or (self.path / "config.json").exists()

    @contextlib.contextmanager
    def claimed(self) -> Iterator[RunPlace]:
        """Claim the folder on shared storage for the length of the block, which gets the place with its lease.

        It waits until another driver that is ending has written its last checkpoint there.

        Raises:
            UserError: Another driver writes there, or the local folder is in use.
        """
        if self.remote is None:
            yield self
            return
        self.check_unused()
        with Lease.held(self.remote) as lease:
            yield dataclasses.replace(self, lease=lease)

    def check_unused(self) -> None:
        """Refuse a local folder that another driver of this machine writes.

        Raises:
            UserError: It does.
        """
        if self.path.exists() and is_being_written(self.path):
            raise UserError(f"{self.path} is being written by another driver: wait for it or end it")

    def fetch(self) -> None:
        """Copy a run from shared storage to the local folder, to go on with it; only from a place that is claimed.

        A driver that still writes there has a newer checkpoint than the copy.

        Raises:
            UserError: There is none, or the local folder is in use.
        """
        if self.remote is not None:
            assert self.lease is not None
            self.check_unused()
            fetch_to_resume(self.remote, self.path)
