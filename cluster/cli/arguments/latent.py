"""Arguments of `impasto train latent`; a file of their own, because its settings import torch."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from cluster.latent.settings import LatentSettings
from cluster.runs.stored_settings import open_to_read, read_settings_as


@dataclass(frozen=True)
class TrainLatent:
    """Train an agent that steers a GAN's latent space: show the digit that a task makes of the input's.

    Every setting can be given by its name. Frozen parts are trained first if the cache has none of these settings.

    Attributes:
        warm_start: Folder of a run to start from: its networks, and its replay scored again for the new task. Its
            settings are the defaults then; frozen parts, data, `--hidden` and `--action-range` must stay as they are.
        run: Folder for the run; a new one under `runs/` if not given.
        address: Ray cluster to join; a private Ray is started if not given (and $RAY_ADDRESS is not set).
        settings: All settings of the run.
        or_resume: Go on with the run that `--run` names if it has begun: the same command then starts it and, after
            whatever ended it, goes on from its last checkpoint.
    """

    warm_start: str = ""
    run: str = ""
    address: str = ""
    settings: LatentSettings = field(default_factory=LatentSettings)
    or_resume: bool = False

    @classmethod
    def start(cls, given: dict[str, Any]) -> TrainLatent:
        """The values to start from: the settings of the run that the warm start names, if there is one."""
        other = given.get("warm_start")
        return cls(settings=read_settings_as(LatentSettings, open_to_read(other), "train latent")) if other else cls()
