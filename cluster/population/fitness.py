"""The fitness of a member: figures that compare between members, from paintings of the same noise."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from cluster.evaluation.frechet import frechet_distance
from cluster.evaluation.image_metrics import pixel_features
from cluster.evaluation.judge import Judge, load_judge
from cluster.painter.data import run_images
from cluster.painter.settings import PainterSettings
from cluster.population.settings import FitnessName, PopulationSettings
from learners.conditioning import score_records
from learners.networks.build import build_discriminator


class Fitness:
    """A measure of paintings, with the same real images and the same judge for every member.

    Attributes:
        name: the measure that is the score.
        episodes: paintings that it takes.
    """

    def __init__(self, settings: PainterSettings, population: PopulationSettings) -> None:
        """Load the data set and, for mnist, the judge (which is trained once on a machine, some CPU minutes).

        Raises:
            ValueError: the fitness can not be had for this data.
        """
        system = settings.system
        self.name: FitnessName = population.fitness
        if self.name == "judge" and system.data != "mnist":
            raise ValueError(f"fitness: the judge knows mnist only, not {system.data}; choose pixel")
        self.episodes = population.fitness_samples
        folder = Path(system.data_dir) if system.data_dir else None
        self.judge: Judge | None = load_judge(data_dir=folder) if system.data == "mnist" else None
        images = run_images(settings)
        chosen = np.random.default_rng(0).permutation(len(images))[: max(self.episodes, 1000)]
        self.real_pixels = pixel_features(images[chosen])
        self.real_features = self.judge.features_and_probabilities(images[chosen])[0] if self.judge else None

    def measure(self, paintings: NDArray[np.uint8], records: NDArray[np.uint8], critic: Critic) -> dict[str, float]:
        """All measures of paintings.

        Args:
            paintings: uint8 [N, H, W, C] at the observed size.
            records: the same with their targets, if they have any, uint8 [N, H, W, C or 2C].
            critic: the member's own discriminator.

        Returns:
            `pixel_frechet` and, for mnist, `judge_frechet`, distances >= 0; `discriminator`, a mean score.
        """
        found = {
            "pixel_frechet": frechet_distance(pixel_features(paintings), self.real_pixels),
            "discriminator": float(critic.scores(records).mean()),
        }
        if self.judge is not None and self.real_features is not None:
            features, _ = self.judge.features_and_probabilities(paintings)
            found["judge_frechet"] = frechet_distance(features, self.real_features)
        return found

    def score(self, measures: dict[str, float]) -> float:
        """The score: higher is better."""
        return measures["discriminator"] if self.name == "discriminator" else -measures[f"{self.name}_frechet"]


class Critic:
    """A discriminator that scores and does not learn, on the CPU."""

    def __init__(self, settings: PainterSettings, weights: dict[str, torch.Tensor]) -> None:
        self.conditioning = settings.conditioning
        self.network = build_discriminator(settings.discriminator, settings.discriminator_shape, settings.joint)
        self.network.load_state_dict(weights)
        self.network.eval().requires_grad_(False)

    @torch.no_grad()
    def scores(self, records: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Scores float64 [N] of records uint8 [N, H, W, C or 2C]; see `learners.conditioning`."""
        found: NDArray[np.float64] = (
            score_records(self.network, torch.tensor(records), self.conditioning).double().numpy()
        )
        return found
