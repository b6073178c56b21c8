"""The algorithm's configuration: RLlib's, with every setting of a run."""

from __future__ import annotations

import inspect
from typing import Any

from ray.rllib.algorithms.algorithm_config import AlgorithmConfig
from ray.rllib.core.rl_module.rl_module import RLModuleSpec

from actors.paint_runner import PaintRunner
from cluster.chassis import keep_runner_states_to_ourselves
from cluster.learner_groups import DiscriminatorGroupLearner, PolicyGroupLearner
from cluster.modules import PolicyModule
from cluster.replay import Replay, ReplaySpec
from cluster.settings import RunSettings, preset

#: RLlib's names of settings that are ours.
RENAMED = {"lr": "policy_learning_rate", "gamma": "discount", "grad_clip": "gradient_clip"}


class SpiralConfig(AlgorithmConfig):
    """Configuration of :class:`cluster.algorithm.Spiral`.

    ``SpiralConfig().preset("laptop").training(entropy_cost=0.02, actors=2)``: every setting of
    :class:`cluster.settings.RunSettings` can be given by its bare name, beside RLlib's own.

    Attributes:
        settings: the run's settings.
        replay: the shared replay; filled in by the algorithm when it has a Redis.
        restarts: how often this run was started again; varies the seeds.
        run_name: what this run is called in Ray's metrics.
        member: what it is called in a population, in the names of its processes too.
    """

    def __init__(self, algo_class: type | None = None) -> None:
        if algo_class is None:
            from cluster.algorithm import Spiral as algo_class  # the two know each other, as in RLlib
        super().__init__(algo_class=algo_class)
        self.replay: ReplaySpec | None = None
        self.restarts = 0
        self.run_name = ""
        self.member = "painter-00"
        self.settings = RunSettings()
        self.api_stack(enable_rl_module_and_learner=True, enable_env_runner_and_connector_v2=True)
        self.framework("torch")
        self.fault_tolerance(
            restart_failed_env_runners=True,
            delay_between_env_runner_restarts_s=1.0,
            env_runner_health_probe_timeout_s=10.0,
        )
        keep_runner_states_to_ourselves(self)
        self.use(preset("laptop"))

    def preset(self, name: Any, data: str = "mnist") -> SpiralConfig:
        """Start from a preset, ``laptop`` or ``paper``."""
        return self.use(preset(name, data))

    def use(self, settings: RunSettings) -> SpiralConfig:
        """Take all settings of a run, and lay out its actors and learner processes."""
        system = settings.system
        self.settings = settings
        # RLlib is not told the seed: we seed all that we draw from, and for a seed RLlib switches whole processes to
        # torch's deterministic algorithms, which fill every new tensor (a seventh of the paper policy's time on a CPU).
        self.debugging(log_level="ERROR")
        self.env_runners(
            env_runner_cls=PaintRunner,
            num_env_runners=system.actors,
            create_local_env_runner=False,
            max_requests_in_flight_per_env_runner=2,
            num_envs_per_env_runner=system.canvases,
        )
        self.learners(
            num_learners=system.policy_learners,
            num_gpus_per_learner=system.learner_gpus,
        )
        self.training(
            learner_class=PolicyGroupLearner, train_batch_size_per_learner=system.canvases * settings.world.num_actions
        )
        return self

    def training(self, **values: Any) -> SpiralConfig:
        """Change settings by name: RLlib's, or any of :class:`RunSettings`.

        Raises:
            ValueError: a name that neither knows.
        """
        for theirs_name, our_name in RENAMED.items():
            if theirs_name in values:
                values[our_name] = values.pop(theirs_name)
        known = inspect.signature(AlgorithmConfig.training).parameters
        theirs = {name: value for name, value in values.items() if name in known}
        ours = {name: value for name, value in values.items() if name not in known}
        if theirs:
            super().training(**theirs)
        if ours:
            self.use(self.settings.replace(**ours))
        return self

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
        return (
            self.copy(copy_frozen=False)
            .learners(num_learners=self.settings.system.discriminator_learners)
            .training(learner_class=DiscriminatorGroupLearner)
        )
