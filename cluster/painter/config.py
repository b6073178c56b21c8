"""The algorithm's configuration: RLlib's, with every setting of a run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from ray.rllib.algorithms.algorithm_config import AlgorithmConfig
from ray.rllib.core.rl_module.rl_module import RLModuleSpec

from actors.paint_runner import PaintRunner
from cluster.painter.learners import DiscriminatorGroupLearner, PolicyGroupLearner
from cluster.painter.rl_modules import PolicyModule
from cluster.painter.settings import RunSettings, preset
from cluster.replay.buffer import Replay
from cluster.training.config import RunConfig

if TYPE_CHECKING:
    from cluster.painter.shared_discriminator import Share


class SpiralConfig(RunConfig[RunSettings]):
    """Configuration of :class:`cluster.painter.spiral.Spiral`.

    ``SpiralConfig().preset("laptop").training(entropy_cost=0.02, actors=2)``: every setting of
    :class:`cluster.painter.settings.RunSettings` can be given by its bare name, beside RLlib's own.

    Attributes:
        shared: the discriminator and the ring that other runs use too; None: this run has its own.
    """

    renamed: ClassVar[dict[str, str]] = {
        "lr": "policy_learning_rate",
        "gamma": "discount",
        "grad_clip": "gradient_clip",
    }

    def __init__(self, algo_class: type | None = None) -> None:
        if algo_class is None:
            from cluster.painter.spiral import Spiral as algo_class  # the two know each other, as in RLlib
        self.shared: Share | None = None
        super().__init__(algo_class, preset("laptop"), "painter-00")

    def preset(self, name: Any, data: str = "mnist") -> SpiralConfig:
        """Start from a preset, ``laptop`` or ``paper``."""
        return self.use(preset(name, data))

    def use(self, settings: RunSettings) -> SpiralConfig:
        """Take all settings of a run, and lay out its actors and learner processes."""
        self.settings = settings
        self.lay_out(settings.system, PaintRunner, settings.system.canvases)
        batch = (settings.system.canvases + settings.system.random_canvases) * settings.world.num_actions
        return self.training(train_batch_size_per_learner=batch)

    def get_default_rl_module_spec(self) -> RLModuleSpec:
        """The policy's module."""
        return RLModuleSpec(module_class=PolicyModule, model_config={"settings": self.settings})

    def get_default_learner_class(self) -> type:
        """The policy's learner."""
        return PolicyGroupLearner

    def sink(self) -> Replay | None:
        """Where an actor pushes final canvases: the shared replay, waiting for Redis as long as it takes."""
        return None if self.replay is None else Replay(self.replay, wait=True)

    def discriminator_config(self) -> AlgorithmConfig:
        """The configuration of the discriminator's learner group."""
        return self.copy(copy_frozen=False).learners(
            num_learners=self.settings.system.discriminator_learners, learner_class=DiscriminatorGroupLearner
        )
