"""One run with the schedule of hyper-parameters that the best member's weights lived through."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from cluster.painter.settings import PainterSettings
from cluster.painter.spiral import Spiral
from cluster.painter.trainer import PainterTrainer
from cluster.population.hyperparameters import settings_with
from cluster.population.lineage.ancestry import Schedule, Values, values_at
from cluster.population.live_values import apply_values
from cluster.runs.folder import RunFolder, RunFolderError
from cluster.training.algorithm import RunAlgorithm
from envs.untrusted import read_json

FILE = "schedule.json"


class ScheduledTrainer(PainterTrainer):
    """A trainer that changes evolved values at given environment steps, as exploits did, and checks that they hold."""

    def __init__(self, settings: PainterSettings, plan: Schedule, *, restarts: int = 0) -> None:
        super().__init__(settings_with(settings, plan[0][1]), restarts=restarts)
        self.base, self.plan = settings, plan
        self.values: Values = plan[0][1]

    def handle_requests(self, algorithm: RunAlgorithm) -> None:
        """Handle requests as in any run; then change the values if the schedule does so at these steps."""
        super().handle_requests(algorithm)
        assert isinstance(algorithm, Spiral)
        values = values_at(algorithm.trained_steps, self.plan)
        if values != self.values:
            # Actors may have been scaled since; only evolved values may change here.
            actors = algorithm.settings.system.actors
            apply_values(algorithm, self.base.replace(actors=actors), values)
            self.values = values

    def attempt(self, *arguments: Any) -> Any:
        """Begin with the first values again, as a restarted algorithm does."""
        self.values = self.plan[0][1]
        return super().attempt(*arguments)


def write_plan(folder: RunFolder, plan: Schedule) -> None:
    """Keep the schedule in a run's folder: `schedule.json`, [[steps, values], ...]."""
    (folder.path / FILE).write_text(json.dumps(plan, indent=1) + "\n")


def read_plan(folder: str | Path) -> Schedule | None:
    """The schedule of a run; None if it has none.

    Raises:
        RunFolderError: it can not be read.
    """
    path = Path(folder) / FILE
    try:
        return [(int(steps), dict(values)) for steps, values in read_json(path)]
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError) as error:
        raise RunFolderError(f"{path} can not be read: {error}") from None
