"""Rows of a run for experiment trackers, W&B and MLflow: sent by a thread, so that a slow server delays no training."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import math
import queue
import threading
import time
import uuid
import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from cluster.errors import UserError, one_line
from envs.data_files import write_atomically
from envs.untrusted import read_json

#: Package of each tracker, and the extra of `impasto` that brings it.
PACKAGES = {"wandb": "wandb", "mlflow": "mlflow"}
#: File of a run's folder with its names at the trackers, under which it goes on after a resume.
IDENTITIES = "trackers.json"
#: Rows that wait for a server that is slow; later ones are left out.
MOST_WAITING = 10_000
#: How long the end of a run waits for the server, in seconds.
LAST_SECONDS = 20.0
#: Characters of a setting's value that MLflow takes.
MLFLOW_VALUE = 500


class Tracker(ABC):
    """A run at an experiment tracker."""

    @abstractmethod
    def log(self, update: int, seconds: float, numbers: Mapping[str, float]) -> None:
        """Record numbers at a learner update, measured at a Unix time."""

    @abstractmethod
    def close(self) -> None:
        """End the run there."""


class Wandb(Tracker):
    """A run at Weights & Biases; `WANDB_MODE=offline` and `WANDB_BASE_URL` are read by its own library.

    Args:
        project: its project.
        folder: the run's folder.
        config: the settings of the run.
        identity: its name there, of earlier; None for a new one.
    """

    def __init__(self, project: str, folder: Path, config: Mapping[str, Any], identity: str | None) -> None:
        import wandb

        self.identity = identity or uuid.uuid4().hex[:12]
        population = folder.parent.parent.name if folder.parent.name == "members" else None
        self.run = wandb.init(
            project=project,
            id=self.identity,
            name=f"{population}-{folder.name}" if population else folder.name,
            group=population,
            config=dict(config),
            dir=str(folder),
            resume="allow",
            settings=wandb.Settings(silent=True, console="off"),
        )
        # A resumed run repeats updates, and W&B's own steps never go back.
        self.run.define_metric("*", step_metric="update")

    def log(self, update: int, seconds: float, numbers: Mapping[str, float]) -> None:
        """Hand a row to W&B's own process."""
        self.run.log({"update": update, **numbers})

    def close(self) -> None:
        """Wait for its process to have sent all."""
        self.run.finish()


class Mlflow(Tracker):
    """A run of MLflow; `MLFLOW_TRACKING_URI` says where, as for its own library. Arguments as those of `Wandb`."""

    def __init__(self, experiment: str, folder: Path, config: Mapping[str, Any], identity: str | None) -> None:
        from mlflow.entities import Metric, Param
        from mlflow.tracking import MlflowClient

        self.metric, self.client = Metric, MlflowClient()
        if identity is None:
            known = self.client.get_experiment_by_name(experiment)
            number = known.experiment_id if known else self.client.create_experiment(experiment)
            identity = self.client.create_run(number, run_name=folder.name).info.run_id
            told = [(name, str(value)[:MLFLOW_VALUE]) for name, value in flat(config).items()]
            for first in range(0, len(told), 100):  # it takes no more at once
                self.client.log_batch(identity, params=[Param(*each) for each in told[first : first + 100]])
        else:
            self.client.update_run(identity, status="RUNNING")
        self.identity = identity

    def log(self, update: int, seconds: float, numbers: Mapping[str, float]) -> None:
        """Send a row."""
        stamp = int(1000 * seconds)
        rows = [self.metric(name, float(value), stamp, update) for name, value in numbers.items()]
        self.client.log_batch(self.identity, metrics=rows)

    def close(self) -> None:
        """Mark the run as finished."""
        self.client.set_terminated(self.identity)


def flat(config: Mapping[str, Any]) -> dict[str, Any]:
    """Settings as `part.name`, and those of no part as they are."""
    found: dict[str, Any] = {}
    for part, values in config.items():
        if isinstance(values, Mapping):
            found |= {f"{part}.{name}": value for name, value in values.items()}
        else:
            found[part] = values
    return found


class Tracking:
    """A thread that sends the rows of one run to its trackers.

    Trouble is told in one warning; the run goes on, and `metrics.jsonl` has everything.

    Args:
        folder: the run's folder.
        config: its settings.
        wandb: project at W&B; empty for none.
        mlflow: experiment of MLflow; empty for none.
    """

    def __init__(self, folder: Path, config: Mapping[str, Any], *, wandb: str = "", mlflow: str = "") -> None:
        require(wandb=wandb, mlflow=mlflow)
        names: dict[str, tuple[Callable[..., Any], str]] = {"wandb": (Wandb, wandb), "mlflow": (Mlflow, mlflow)}
        self.wanted = {name: each for name, each in names.items() if each[1]}
        self.folder, self.config = folder, config
        self.waiting: queue.Queue[tuple[int, float, dict[str, float]] | None] = queue.Queue(MOST_WAITING)
        self.thread = threading.Thread(target=self.follow, name="tracking", daemon=True)
        if self.wanted:
            self.thread.start()

    @classmethod
    def of_run(cls, folder: Path, config: Mapping[str, Any]) -> Tracking:
        """Send to the trackers that a run's `config.json` names; runs of before name none."""
        system = config["system"]
        return cls(folder, config, wandb=system.get("wandb", ""), mlflow=system.get("mlflow", ""))

    def log(self, update: int, row: Mapping[str, Any]) -> None:
        """Send the finite numbers of a row, soon."""
        numbers = {
            name: value
            for name, value in row.items()
            if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
        }
        if self.wanted and numbers:
            with contextlib.suppress(queue.Full):
                self.waiting.put_nowait((update, time.time(), numbers))

    def close(self) -> None:
        """Send what is left, as long as `LAST_SECONDS` allow."""
        if self.wanted:
            with contextlib.suppress(queue.Full):
                self.waiting.put_nowait(None)
            self.thread.join(LAST_SECONDS)
            if self.thread.is_alive():
                names = " and ".join(self.wanted)
                warnings.warn(f"{names}: the last numbers were not sent within {LAST_SECONDS:g} s", stacklevel=3)

    def follow(self) -> None:
        """Open the trackers, send rows, close the trackers."""
        trackers, known = {}, self.identities()
        for name, (kind, project) in self.wanted.items():
            with self.warned(name):
                trackers[name] = kind(project, self.folder, self.config, known.get(name))
                known[name] = trackers[name].identity
                write_atomically(self.folder / IDENTITIES, json.dumps(known))
        while (row := self.waiting.get()) is not None:
            for name, tracker in list(trackers.items()):
                with self.warned(name) as failed:
                    tracker.log(*row)
                if failed:
                    del trackers[name]
        for name, tracker in trackers.items():
            with self.warned(name):
                tracker.close()

    def identities(self) -> dict[str, str]:
        """The run's names at the trackers, as kept in its folder; with a warning none if they can not be read."""
        path = self.folder / IDENTITIES
        try:
            known = read_json(path)
            if isinstance(known, dict):
                return known
            trouble = "it holds no names"
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as error:
            trouble = one_line(error)
        warnings.warn(f"{path}: {trouble}; the run begins anew at {' and '.join(self.wanted)}", stacklevel=2)
        return {}

    @contextlib.contextmanager
    def warned(self, name: str) -> Iterator[list[str]]:
        """Turn trouble with a tracker into a warning, and into an entry of the list that this yields."""
        failed: list[str] = []
        try:
            yield failed
        except Exception as error:  # libraries of servers raise almost anything
            failed.append(one_line(error))
            warnings.warn(f"{name}: {failed[0]}; the run goes on without it", stacklevel=2)


def require(*, wandb: str = "", mlflow: str = "") -> None:
    """Check that the trackers that are asked for are installed.

    Raises:
        UserError: one is not.
    """
    for name, wanted in (("wandb", wandb), ("mlflow", mlflow)):
        if wanted and importlib.util.find_spec(PACKAGES[name]) is None:
            raise UserError(f"--{name}: {PACKAGES[name]} is not installed: pip install 'impasto[{name}]'")


class TrackResults:
    """RLlib callback that sends each training iteration's numbers to W&B or MLflow.

    It goes into any algorithm's configuration: `config.callbacks(on_train_result=TrackResults(folder, wandb="paint"))`.
    Numbers are those of this package's algorithms, or RLlib's result, nested names joined by slashes.

    Args:
        folder: where the run's names at the trackers are kept, and W&B's files.
        wandb: project at W&B; empty for none.
        mlflow: experiment of MLflow; empty for none.
    """

    def __init__(self, folder: str | Path, *, wandb: str = "", mlflow: str = "") -> None:
        require(wandb=wandb, mlflow=mlflow)
        self.folder, self.wandb, self.mlflow = Path(folder), wandb, mlflow
        self.tracking: Tracking | None = None

    def __getstate__(self) -> dict[str, Any]:
        """Leave the thread out: RLlib copies configurations, and sends them to actors."""
        return self.__dict__ | {"tracking": None}

    def __call__(self, *, algorithm: Any, result: Mapping[str, Any], **_: Any) -> None:
        """Send one iteration's numbers; RLlib calls this."""
        if self.tracking is None:
            self.folder.mkdir(parents=True, exist_ok=True)
            settings = getattr(algorithm.config, "settings", None)
            config = settings.storable() if settings is not None else {}
            self.tracking = Tracking(self.folder, config, wandb=self.wandb, mlflow=self.mlflow)
        numbers = getattr(algorithm, "latest", None) or joined(result)
        self.tracking.log(int(numbers.get("updates", algorithm.iteration)), numbers)

    def close(self) -> None:
        """Send what is left; RLlib has no call for it, so it is the caller's."""
        if self.tracking is not None:
            self.tracking.close()


def joined(result: Mapping[str, Any], above: str = "") -> dict[str, Any]:
    """A nested result as a flat one, names joined by slashes."""
    found: dict[str, Any] = {}
    for name, value in result.items():
        if name == "config":
            continue
        if isinstance(value, Mapping):
            found |= joined(value, f"{above}{name}/")
        else:
            found[f"{above}{name}"] = value.item() if getattr(value, "ndim", None) == 0 else value
    return found
