"""Training run of a painter, evaluated by contact sheets and pixel distances while it trains."""

from __future__ import annotations

import functools
from typing import Any, Self

import ray
import torch
from ray.exceptions import ObjectLostError

from cluster.errors import UserError
from cluster.evaluation.reconstruction import pixel_l2
from cluster.metrics.log import MetricsWriter
from cluster.painter.checkpoint_score import PixelQuality
from cluster.painter.data import introduce
from cluster.painter.sampler import ON_SHEET, Sampler
from cluster.painter.settings import PainterSettings
from cluster.painter.spiral import Spiral, SpiralConfig
from cluster.painter.stored import require_networks
from cluster.runs.best import score
from cluster.runs.checkpoints import Checkpoint
from cluster.runs.folder import RunFolder
from cluster.runs.settings import RunSettings
from cluster.training.algorithm import RunAlgorithm
from cluster.training.learner import load_weights
from cluster.training.learner_client import LearnerDied, first_result
from cluster.training.origin import load_origin
from cluster.training.outcome import Evaluation
from cluster.training.trainer import RunTrainer
from envs.brush_trial import require_marks
from envs.strokes import PaintConfig


class PainterTrainer(RunTrainer):
    """Runs `Spiral` in a run folder."""

    settings: PainterSettings
    discriminator_weights: dict[str, Any]

    def __init__(
        self, settings: PainterSettings, *, restarts: int = 0, warm_start: Checkpoint | None = None, warm_from: str = ""
    ) -> None:
        """Read the data set and the brush, so that a wrong name is known before there is a folder.

        Args:
            settings: Of the run.
            restarts: How often it was started again.
            warm_start: Checkpoint of another run whose networks a new one begins with.
            warm_from: Name or folder of that run.

        Raises:
            ValueError: One of them can not be loaded, the brush paints nothing, or the networks are others.
        """
        if warm_start is not None:
            try:
                require_networks(settings, warm_start)
            except ValueError as error:
                raise UserError(f"warm start: {warm_from} has other networks than this run: {error}") from error
        system = settings.system
        in_driver = min(system.policy_learners, system.discriminator_learners) == 0
        if system.learner_gpus and in_driver and not torch.cuda.is_available():
            raise UserError(f"learner_gpus: {system.learner_gpus:g} asked for, but torch finds no GPU on this machine")
        super().__init__(settings, restarts=restarts)
        self.warm_start = warm_start
        if isinstance(settings.world, PaintConfig):
            require_marks(settings.world)
        self.introduction = introduce(settings)
        self.sampler = Sampler(settings)
        self.quality = PixelQuality(settings)

    @classmethod
    def check_weights(cls, settings: RunSettings, checkpoint: Checkpoint) -> None:
        """Compare both networks with those of the settings."""
        assert isinstance(settings, PainterSettings)
        require_networks(settings, checkpoint, discriminator=True)

    @classmethod
    def of_run(cls, folder: RunFolder, settings: Any, restarts: int) -> Self:
        """Make the trainer that goes on with a run; if it ended before its first checkpoint, it begins as it was to."""
        return cls(settings, restarts=restarts, warm_start=load_origin(folder), warm_from="the other run")

    def build(self) -> Spiral:
        """Build the running algorithm."""
        config = SpiralConfig().use(self.settings)
        config.restarts = self.restarts
        config.run_name = self.folder.path.name
        algorithm = config.build_algo()
        assert isinstance(algorithm, Spiral)
        return algorithm

    def begin(self, algorithm: RunAlgorithm) -> None:
        """Begin with another run's networks, if one was given."""
        if self.warm_start is not None:
            assert isinstance(algorithm, Spiral)
            load_networks(algorithm, self.warm_start)

    def evaluate(self, algorithm: RunAlgorithm, writer: MetricsWriter) -> None:
        """Also fetch the discriminator, which scores the sheet's paintings after each stroke."""
        assert isinstance(algorithm, Spiral)
        algorithm.settle()
        try:
            self.discriminator_weights = ray.get(algorithm.discriminator_weights[0]).tensors()
        except ObjectLostError as error:
            raise LearnerDied("the discriminator's learner died, and its weights with it") from error
        super().evaluate(algorithm, writer)

    def evaluate_weights(self, weights: dict[str, Any], update: int) -> Evaluation:
        """Write a contact sheet at fixed noise, and measure the distance of pixels from images or targets."""
        self.sampler.load(weights, self.discriminator_weights)
        # Targets that it trains on: this choice of the best checkpoint must not have seen the test split.
        paintings = self.sampler.paint(self.quality.count, scored=ON_SHEET, split="train")
        sheet = self.sampler.write(paintings, self.folder.samples, f"{update:08d}")
        figures = {"sample/pixel_frechet": self.quality.distance(paintings.observed)}
        if paintings.target is not None:
            figures["sample/l2"] = pixel_l2(paintings.observed, paintings.target)
        return Evaluation(score(figures), sheet, figures)

    def close(self) -> None:
        """Free the canvases."""
        self.sampler.close()


def load_networks(algorithm: Spiral, checkpoint: Checkpoint) -> None:
    """Begin with the networks of another run's checkpoint: the policy, and the discriminator if it has one.

    Optimizers, counters and replay stay as new. A discriminator that other runs use too is left as it is.
    """
    for name, group in algorithm.own_learner_groups.items():
        if name in checkpoint.tensors:
            first_result(group, functools.partial(load_weights, weights=checkpoint.tensors[name]))
    algorithm.publish()
