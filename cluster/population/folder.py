"""The folder of a population; see docs/population.md."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from cluster.errors import LONGEST_MESSAGE, one_line
from cluster.painter.settings import PainterSettings
from cluster.population.lineage.events import LOCK_SECONDS
from cluster.population.settings import PopulationSettings
from cluster.runs import manifests, own_files
from cluster.runs.folder import RunFolder, RunFolderError
from envs.untrusted import read_json


class PopulationFolder:
    """Paths of a population.

    Attributes:
        path: the folder, absolute.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path).resolve()

    @property
    def lineage(self) -> Path:
        """File of the record."""
        return self.path / "lineage.jsonl"

    @property
    def critics(self) -> Path:
        """File of the critic matrices."""
        return self.path / "critics.jsonl"

    def member(self, number: int) -> Path:
        """A member's run folder."""
        return self.path / "members" / f"{number:02d}"

    def exchange(self, number: int) -> Path:
        """The folder of checkpoints that others may copy."""
        return self.member(number) / "exchange"

    def relative(self, path: Path) -> str:
        """A path inside as the record names it."""
        return path.relative_to(self.path).as_posix()

    def named(self, checkpoint: Path) -> dict[str, str]:
        """A checkpoint as the record names it."""
        manifest = manifests.read_manifest(checkpoint)
        return {"checkpoint": self.relative(checkpoint), "checkpoint_sha256": manifest["sha256"]}

    def read_settings(self) -> tuple[PopulationSettings, PainterSettings]:
        """Read `config.json`.

        Raises:
            RunFolderError: there is no population here, or its settings can not be read.
            UserError: its own brush is missing, or was changed.
        """
        try:
            config = read_json(self.path / "config.json")
            settings = own_files.located(self.path, PainterSettings.from_json(config["settings"]))
            return PopulationSettings.from_json(config["population"]), settings
        except FileNotFoundError:
            raise RunFolderError(f"{self.path} holds no population: it has no config.json") from None
        except KeyError:
            raise RunFolderError(f"{self.path} holds a single run, not a population") from None
        except (OSError, ValueError, TypeError, AttributeError, OverflowError) as error:
            message = one_line(error)[:LONGEST_MESSAGE]
            raise RunFolderError(f"{self.path}/config.json can not be read: {message}") from None


def create(path: str | Path, config: dict[str, Any]) -> RunFolder:
    """Make the folder of a new population, locked for this driver.

    Raises:
        RunFolderError: it holds a run or a population already.
    """
    folder = RunFolder.create(path, config)
    for unused in (folder.tensorboard, folder.samples, folder.checkpoints):  # the members have these
        unused.rmdir()
    (folder.path / "members").mkdir(exist_ok=True)
    return folder


def open_when_free(path: Path) -> RunFolder:
    """Open a member's folder, waiting for the processes of a killed driver to let go of it."""
    deadline = time.monotonic() + LOCK_SECONDS
    while True:
        try:
            return RunFolder.open(path)
        except RunFolderError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.2)
