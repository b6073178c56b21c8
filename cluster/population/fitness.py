"""How good a member is: figures that compare between members, from paintings of the same noise."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from cluster.evaluation import pixel_features
from cluster.frechet import frechet_distance
from cluster.judge import Judge, load_judge
from cluster.population.settings import FitnessName, PopulationSettings
from cluster.settings import RunSettings
from envs.datasets import load_dataset
from learners.networks.build import build_discriminator
from learners.networks.discriminator import to_image
from learners.settings import DiscriminatorSettings

SCORED_AT_ONCE = 256


class Fitness:
    """Measures paintings; the same real images and the same judge for every member.

    Attributes:
        name: which measure is the score.
        episodes: paintings that it wants.
    """

    def __init__(self, settings: RunSettings, population: PopulationSettings) -> None:
        """Loads the data set and, for mnist, the judge (which is trained once on a machine, some CPU minutes).

        Raises:
            ValueError: the fitness can not be had for this data.
        """
        system = settings.system
        self.name: FitnessName = population.fitness
        if self.name == "judge" and system.data != "mnist":
            raise ValueError(f"fitness: the judge knows mnist only, not {system.data}; choose pixel")
        self.episodes = population.fitness_samples
        size, _, channels = settings.paint.canvas_shape
        folder = Path(system.data_dir) if system.data_dir else None
        self.judge: Judge | None = load_judge(data_dir=folder) if system.data == "mnist" else None
        images = load_dataset(system.data, size=size, channels=3 if channels == 3 else 1, data_dir=folder).images
        chosen = np.random.default_rng(0).permutation(len(images))[: max(self.episodes, 1000)]
        self.real_pixels = pixel_features(images[chosen])
        self.real_features = self.judge.features_and_probabilities(images[chosen])[0] if self.judge else None

    def measure(self, paintings: NDArray[np.uint8], critic: torch.nn.Module) -> dict[str, float]:
        """All measures of paintings.

        Args:
            paintings: uint8 [N, H, W, C] at the observed size.
            critic: the member's own discriminator.

        Returns:
            ``pixel_frechet`` and, for mnist, ``judge_frechet``, distances >= 0; ``discriminator``, a mean score.
        """
        found = {
            "pixel_frechet": frechet_distance(pixel_features(paintings), self.real_pixels),
            "discriminator": float(critic_scores(critic, paintings).mean()),
        }
        if self.judge is not None and self.real_features is not None:
            features, _ = self.judge.features_and_probabilities(paintings)
            found["judge_frechet"] = frechet_distance(features, self.real_features)
        return found

    def score(self, measures: dict[str, float]) -> float:
        """The score: higher is better."""
        return measures["discriminator"] if self.name == "discriminator" else -measures[f"{self.name}_frechet"]


def load_critic(
    settings: DiscriminatorSettings, shape: tuple[int, int, int], weights: dict[str, torch.Tensor]
) -> torch.nn.Module:
    """A discriminator that scores and does not learn, on the CPU."""
    critic = build_discriminator(settings, shape)
    critic.load_state_dict(weights)
    return critic.eval().requires_grad_(False)


@torch.no_grad()
def critic_scores(critic: torch.nn.Module, images: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Scores float64 [N] of uint8 [N, H, W, C]."""
    parts = [images[start : start + SCORED_AT_ONCE] for start in range(0, len(images), SCORED_AT_ONCE)]
    scores = torch.cat([critic(to_image(torch.from_numpy(part))).float() for part in parts])
    found: NDArray[np.float64] = scores.double().numpy()
    return found
