"""The fitness of a member: figures that compare between members, from paintings of the same noise."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from cluster.evaluation.frechet import frechet_distance, frechet_error
from cluster.evaluation.image_metrics import pixel_features
from cluster.evaluation.judge import Judge, load_judge
from cluster.painter.data import run_images
from cluster.painter.sampler import ON_SHEET, Paintings, Sampler
from cluster.painter.settings import PainterSettings
from cluster.population.settings import FitnessName, PopulationSettings
from cluster.runs.checkpoints import Checkpoint
from learners.conditioning import score_records
from learners.networks.build import build_discriminator
from learners.records import make_records


@dataclass(frozen=True)
class Measurement:
    """A member, measured.

    Attributes:
        measures: `pixel_frechet` and, for mnist, `judge_frechet`, distances >= 0; `discriminator`, a mean score.
        score: The fitness; higher is better.
        error: Standard error of the score by the draw of paintings; the real images are the same for all.
    """

    measures: dict[str, float]
    score: float
    error: float


class Fitness:
    """A measure of paintings, with the same real images and the same judge for every member.

    Attributes:
        name: the measure that is the score.
        episodes: paintings that it takes.
    """

    def __init__(self, settings: PainterSettings, population: PopulationSettings) -> None:
        """Load the data set and, for mnist, the judge (which is trained once on a machine, some CPU minutes).

        It is not the judge that `impasto evaluate` publishes: the best of many by one judge is also the one that
        this judge overrates most.

        Raises:
            ValueError: the fitness can not be had for this data.
        """
        system = settings.system
        self.name: FitnessName = population.fitness
        if self.name == "judge" and system.data != "mnist":
            raise ValueError(f"fitness: the judge knows mnist only, not {system.data}; choose pixel")
        self.episodes = population.fitness_samples
        self.judge: Judge | None = None
        if system.data == "mnist":
            self.judge = load_judge(data_dir=system.data_folder, seed=population.judge_seed)
        images = run_images(settings)
        chosen = np.random.default_rng(0).permutation(len(images))[: max(self.episodes, 1000)]
        self.real_pixels = pixel_features(images[chosen])
        self.real_features = self.judge.features_and_probabilities(images[chosen])[0] if self.judge else None

    def measure(self, paintings: NDArray[np.uint8], records: NDArray[np.uint8], critic: Critic) -> Measurement:
        """Measure paintings.

        Args:
            paintings: uint8 [N, H, W, C] at the observed size.
            records: the same with their targets, if they have any, uint8 [N, H, W, C or 2C].
            critic: the member's own discriminator.
        """
        features = {"pixel": (pixel_features(paintings), self.real_pixels)}
        if self.judge is not None and self.real_features is not None:
            features["judge"] = self.judge.features_and_probabilities(paintings)[0], self.real_features
        scores = critic.scores(records)
        measures = {f"{name}_frechet": frechet_distance(*pair) for name, pair in features.items()}
        measures["discriminator"] = float(scores.mean())
        if self.name == "discriminator":
            return Measurement(measures, measures["discriminator"], float(scores.std(ddof=1) / len(scores) ** 0.5))
        return Measurement(measures, -measures[f"{self.name}_frechet"], frechet_error(*features[self.name]))

    def examine(
        self, sampler: Sampler, settings: PainterSettings, checkpoint: Checkpoint, at_least: int
    ) -> tuple[Paintings, NDArray[np.uint8], Measurement]:
        """Paint with a member's networks, from the same noise for all members, and measure that.

        Args:
            sampler: Gets the networks.
            settings: Of the member.
            checkpoint: Of the member.
            at_least: Paintings to make, also if fewer are measured.

        Returns:
            Paintings; their records, see `learners.conditioning`; measurement.
        """
        sampler.load(checkpoint.tensors["policy"], checkpoint.tensors["discriminator"])
        paintings = sampler.paint(max(self.episodes, at_least), scored=ON_SHEET, split="train")
        records = make_records(paintings.observed, paintings.target, paintings.actions if settings.joint else None)
        critic = Critic(settings, checkpoint.tensors["discriminator"])
        return paintings, records, self.measure(paintings.observed[: self.episodes], records[: self.episodes], critic)


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
