"""Scores of every member's paintings under every member's discriminator: a check of the paper's ranking."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import spearmanr

from cluster.metrics.log import cut_torn_line, read_metrics
from cluster.painter.data import run_images
from cluster.painter.settings import PainterSettings
from cluster.population.fitness import Critic
from cluster.population.folder import PopulationFolder
from cluster.population.lineage.events import Event, write_whole
from cluster.runs import checkpoints
from cluster.runs.manifests import CheckpointDamaged
from learners.records import make_records


class CriticMatrix:
    """The matrices of all comparisons, computed once each and kept in a file; used by one process at a time.

    Attributes:
        done: comparisons whose matrix is on disk, each with how many members it had: more may come later.
    """

    def __init__(self, folder: PopulationFolder, settings: PainterSettings, paintings: int) -> None:
        """Open the file; `paintings` of each member, and as many real images, are scored."""
        self.folder, self.settings, self.paintings = folder, settings, paintings
        if folder.critics.exists():
            cut_torn_line(folder.critics)
        rows = read_metrics(folder.critics) if folder.critics.exists() else []
        self.done = {(int(row["comparison"]), len(row["members"])) for row in rows}
        images = run_images(settings)
        real = images[np.random.default_rng(1).permutation(len(images))[:paintings]]
        pairs = make_records(real, real if settings.policy.conditional else None)
        self.real = None if settings.joint else pairs  # a joint discriminator wants actions, which real images lack

    def take(self, comparison: Event) -> bool:
        """Compute and append the matrix of a `comparison` event, unless it is there.

        Returns:
            False if a checkpoint is missing or damaged; this comparison then never gets a matrix.
        """
        key = int(comparison["comparison"]), len(comparison["standings"])
        if key in self.done:
            return True
        standings = sorted(comparison["standings"], key=lambda each: int(each["member"]))
        try:
            found = [checkpoints.load(self.folder.path / each["checkpoint"]) for each in standings]
        except CheckpointDamaged:
            return False
        critics = [Critic(self.settings, each.tensors["discriminator"]) for each in found]
        painted = [each.arrays["paintings"]["records"][: self.paintings] for each in found]
        scores = np.array([[critic.scores(records) for critic in critics] for records in painted])
        fitness = [each["score"] for each in standings]
        real = None
        if self.real is not None:
            real = [round(float(critic.scores(self.real).mean()), 6) for critic in critics]
        row = {
            "comparison": comparison["comparison"],
            "env_steps": comparison["env_steps"],
            "time": time.time(),
            "members": [each["member"] for each in standings],
            "branches": [each["branch"] for each in standings],
            "paintings": len(painted[0]),
            "scores": scores.mean(axis=2).round(6).tolist(),
            "spread": scores.std(axis=2).round(6).tolist(),
            "real": real,
            "fitness": fitness,
            "rank_correlation": rank_correlation(fitness, scores.mean(axis=2).diagonal().tolist()),
        }
        append(self.folder.critics, row)
        self.done.add(key)
        return True


def rank_correlation(first: list[float | None], second: list[float]) -> float | None:
    """Spearman's coefficient; None with fewer than three numbers, a missing one, or all equal."""
    if len(first) < 3 or any(value is None for value in first) or min(len(set(first)), len(set(second))) == 1:
        return None
    return float(spearmanr(first, second).statistic)


def append(path: Path, row: dict[str, Any]) -> None:
    """Append one JSON line, on disk when this returns."""
    with path.open("ab") as file:
        write_whole(file.fileno(), json.dumps(row, allow_nan=False).encode() + b"\n")
