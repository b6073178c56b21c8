"""One run folder: its settings, state, pictures and checkpoints, read again only if files changed."""

from __future__ import annotations

import contextlib
import re
import shlex
import time
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from cluster.dashboard.readers.history import History
from cluster.dashboard.readers.library import Entry, Library, NotThere, decode
from cluster.errors import UserError
from cluster.metrics.catalogue import CATALOGUE
from cluster.painter.settings import PainterSettings
from cluster.runs import best, manifests, own_files
from envs.untrusted import read_json

# A limit that somebody could have meant.
LARGEST_LIMIT = 1e15

_SHEET = re.compile(r"(\d+)(?:-branch-(\d+))?\.png")
_OTHER = re.compile(r"[\w.-]+\.png")


@dataclass(frozen=True)
class Sheet:
    """A contact sheet.

    Attributes:
        key: its name in URLs.
        path: the PNG.
        update: policy updates behind it; None if the name does not say.
        branch: of a population; None in a single run.
        steps: environment steps behind it, None if unknown.
        measure: metric that its evaluation is scored by; empty if it was not measured.
        value: of that metric.
        recorded: its actions lie beside it, for the stroke theatre.
    """

    key: str
    path: Path
    update: int | None
    branch: int | None
    steps: float | None
    recorded: bool
    measure: str = ""
    value: float | None = None

    @property
    def recording(self) -> Path:
        """The actions."""
        return self.path.with_suffix(".npz")

    @property
    def label(self) -> str:
        """The measure in words."""
        return CATALOGUE[self.measure].label

    @property
    def score(self) -> float | None:
        """The score of its evaluation, higher is better."""
        return best.score({self.measure: self.value})

    @property
    def title(self) -> str:
        """The name for people."""
        return f"update {self.update}" if self.update is not None else decode(self.key)


class Run:
    """A run, or a member of a population. `refresh` before looking.

    Attributes:
        population: whose member it is.
    """

    def __init__(self, entry: Entry, library: Library, population: Entry | None = None) -> None:
        self.entry = entry
        self.library = library
        self.population = population
        self.history = History(entry.path / "metrics.jsonl")
        self.config: dict[str, Any] = {}
        self._config_stamp = 0

    def refresh(self) -> None:
        """Read what changed. A file that can not be read leaves what is known as it is."""
        path = self.entry.path / "config.json"
        try:
            stamp = self.library.check(path).stat().st_mtime_ns
            if stamp != self._config_stamp:
                config = read_json(path)
                self.config = config if isinstance(config, dict) else {}
                self._config_stamp = stamp
                self.__dict__.pop("settings", None)
        except (OSError, ValueError, NotThere):
            pass
        try:
            if self.history.tail.path.exists():
                self.library.check(self.history.tail.path)
                self.history.refresh()
        except (OSError, NotThere):
            pass

    @cached_property
    def settings(self) -> PainterSettings | None:
        """The settings of a painter; None if this Impasto does not know them (another world, another version)."""
        try:
            return own_files.located(self.entry.path, PainterSettings.from_json(self.config))
        except (UserError, ValueError, TypeError, AttributeError):
            return None

    def setting(self, part: str, name: str) -> Any:
        """One setting as config.json has it; None if it is not there."""
        values = self.config.get(part)
        return values.get(name) if isinstance(values, dict) else None

    @property
    def about(self) -> str:
        """Data, network or task, and seed in a line."""
        data = str(self.setting("system", "data") or "unknown data")
        shown = data if len(data) <= 32 else f"…{data[-31:]}"
        task = self.setting("world", "task")  # of a latent run
        what = f"task {task}" if task else self.setting("policy", "network") or "unknown network"
        return f"{shown} · {what} · seed {self.setting('system', 'seed')}"

    def limit(self, name: str) -> float:
        """A limit of the run, in steps or minutes; 0 if it has none."""
        value = self.setting("system", name)
        return value if isinstance(value, int | float) and 0 <= value < LARGEST_LIMIT else 0

    @property
    def latest(self) -> dict[str, Any]:
        """The newest value of every metric."""
        return self.history.latest

    @property
    def title(self) -> str:
        """The name for people."""
        return f"member {int(self.entry.path.name)}" if self.population else decode(self.entry.key)

    @property
    def written(self) -> float:
        """Unix time of the newest row; of the folder's beginning if there is none."""
        stamp = self.history.tail.stamp
        return (stamp[1] if stamp else self._config_stamp) / 1e9

    @property
    def progress(self) -> float:
        """Share of the run that is over, by the limits that it has now (`resume` may have changed them)."""
        limits = (
            (self.latest.get("elapsed_s"), 60 * self.limit("minutes")),
            (self.latest.get("env_steps"), self.limit("steps")),
        )
        shares = [done / limit for done, limit in limits if isinstance(done, int | float) and limit]
        return min(1.0, max(shares, default=0.0))

    @property
    def state(self) -> str:
        """`training`, `waiting` (for Redis), `finished`, `stopped` before its end, or `new`."""
        silent = time.time() - self.written > self.library.silence
        if not self.history.rows:
            return "stopped" if silent else "new"
        if self.progress >= 1:
            return "finished"
        if silent:
            return "stopped"
        return "waiting" if self.latest.get("note") else "training"

    @property
    def resume_command(self) -> str:
        """The command that goes on with it; a finished one needs more time or steps."""
        words = ["impasto", "resume", self.library.named((self.population or self.entry).path)]
        if self.population:
            return shlex.join(words)
        if self.state == "finished":
            steps, minutes = self.limit("steps"), self.limit("minutes")
            words += ["--steps", f"{2 * steps:.0f}"] if steps else ["--minutes", f"{2 * minutes:g}"]
        return shlex.join(words)

    def sheets(self) -> list[Sheet]:
        """The contact sheets made while training, oldest first."""
        evaluations = {(row.get("update"), row.get("population/branch")): row for row in self.history.evaluations()}
        updates, steps = self.history.column("update"), self.history.column("env_steps")
        known = ~(np.isnan(updates) | np.isnan(steps))
        updates, steps = updates[known], steps[known]
        order = np.argsort(updates, kind="stable")
        found = []
        for path in self._files("samples"):
            if match := _SHEET.fullmatch(path.name):
                update = int(match[1])
                branch = int(match[2]) if match[2] else None
                evaluation = evaluations.get((update, branch), {})
                at = evaluation.get("env_steps")
                if at is None and len(updates):
                    at = float(np.interp(update, updates[order], steps[order], left=0.0))
                recorded = path.with_suffix(".npz").is_file()
                measure = best.scored_by(evaluation) or ""
                found.append(Sheet(path.stem, path, update, branch, at, recorded, measure, evaluation.get(measure)))
        return sorted(found, key=lambda sheet: (sheet.branch or 0, sheet.update or 0))

    def other_sheets(self) -> list[Sheet]:
        """Pictures that somebody asked for: evaluations, and `impasto sample`'s."""
        paths = [path for path in self._files("samples") if not _SHEET.fullmatch(path.name)]
        for folder in self._files("samples", folders=True):
            paths += [path for path in self._files(f"samples/{folder.name}")]
        return [
            Sheet(
                path.stem if path.parent.name == "samples" else f"{path.parent.name}~{path.stem}",
                path,
                None,
                None,
                None,
                path.with_suffix(".npz").is_file(),
            )
            for path in paths
            if _OTHER.fullmatch(path.name)
        ]

    def sheet(self, key: str) -> Sheet:
        """The sheet of this name.

        Raises:
            NotThere: there is none.
        """
        for sheet in (*self.sheets(), *self.other_sheets()):
            if sheet.key == key:
                return sheet
        raise NotThere(key)

    def best_sheet(self, sheets: list[Sheet]) -> Sheet | None:
        """The sheet of the best checkpoint, which `impasto sample --best` paints with; None if there is none."""
        return self.sheet_of(manifests.best_of(self.checkpoints()), sheets)

    @staticmethod
    def sheet_of(checkpoint: manifests.Summary | None, sheets: list[Sheet]) -> Sheet | None:
        """The sheet that was made with a checkpoint; None if there is none."""
        return next((sheet for sheet in sheets if checkpoint and sheet.update == checkpoint.update), None)

    def checkpoints(self) -> list[manifests.Summary]:
        """The checkpoints with an intact manifest, oldest first."""
        found = []
        for path in self._files("checkpoints", folders=True):
            with contextlib.suppress(OSError, NotThere, manifests.CheckpointDamaged):
                if manifests.is_name(path.name):
                    self.library.check(path / manifests.MANIFEST)
                    found.append(manifests.summary(path))
        return sorted(found, key=lambda each: manifests.order(each.path.name))

    def _files(self, folder: str, *, folders: bool = False) -> list[Path]:
        """Contents of a folder of the run that are inside RUNS, by name."""
        try:
            paths = sorted(self.library.check(self.entry.path / folder).iterdir())
        except (OSError, NotThere):
            return []
        inside = []
        for path in paths:
            try:
                right = self.library.check(path).is_dir() if folders else path.is_file()  # a pipe is neither
                if right and not path.name.startswith(".") and self.library.check(path):
                    inside.append(path)
            except (OSError, NotThere):  # removed since; a link that leads out
                continue
        return inside
