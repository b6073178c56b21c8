"""Base of the algorithms' configurations: a run's settings by bare name, beside RLlib's own."""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from typing import Any, ClassVar, Generic, Self, TypeVar

from ray.rllib.algorithms.algorithm_config import AlgorithmConfig
from ray.tune import PlacementGroupFactory

from cluster.replay.buffer import ReplaySpec
from cluster.runs.own_files import WithOwnFiles
from cluster.runs.settings import RunSettings, SystemSettings
from cluster.training.rllib_internals import bound_collective_calls, stop_state_synchronization
from cluster.training.spaces_runner import SpacesRunner

#: Seconds after which learner processes that wait for each other give up.
COLLECTIVE_SECONDS = 90

Settings = TypeVar("Settings", bound=RunSettings)


class RunConfig(WithOwnFiles, AlgorithmConfig, ABC, Generic[Settings]):
    """Base of `SpiralConfig` and `TD3Config`.

    Attributes:
        settings: The run's settings.
        replay: Handle of the shared replay; the algorithm fills it in when it has a Redis.
        restarts: Number of times that this run was started again; varies the seeds.
        run_name: Name of this run in Ray's metrics.
        member: Its name in a population, and in the names of its processes.
    """

    #: RLlib's names of settings that are ours.
    renamed: ClassVar[dict[str, str]]
    settings: Settings

    def __init__(self, algo_class: type | None, settings: Settings, member: str) -> None:
        super().__init__(algo_class=algo_class)
        self.replay: ReplaySpec | None = None
        self.restarts = 0
        self.run_name = ""
        self.member = member
        self.api_stack(enable_rl_module_and_learner=True, enable_env_runner_and_connector_v2=True)
        self.framework("torch")
        self.fault_tolerance(
            restart_failed_env_runners=True,
            delay_between_env_runner_restarts_s=1.0,
            env_runner_health_probe_timeout_s=10.0,
        )
        stop_state_synchronization(self)
        bound_collective_calls(COLLECTIVE_SECONDS)
        self.use(settings)

    @abstractmethod
    def use(self, settings: Settings) -> Self:
        """Take all settings of a run, and lay out its actors and learner processes."""

    def lay_out(self, system: SystemSettings, runner: type, worlds: int) -> None:
        """Set up actors of class `runner` with `worlds` worlds each, and learner processes, by the settings.

        A `SpacesRunner` stands for actors that RLlib does not make.
        """
        # RLlib is not told the seed: we seed all that we draw from, and for a seed RLlib switches whole processes to
        # torch's deterministic algorithms, which fill every new tensor (a seventh of the paper policy's time on a CPU).
        self.debugging(log_level="ERROR")
        self.env_runners(
            env_runner_cls=runner,
            num_env_runners=0 if runner is SpacesRunner else system.actors,
            create_local_env_runner=False,
            max_requests_in_flight_per_env_runner=2,
            num_envs_per_env_runner=worlds,
        )
        self.learners(num_learners=system.policy_learners, num_gpus_per_learner=system.learner_gpus)

    def training(self, **values: Any) -> Self:
        """Change settings by name: RLlib's, or any of the run's.

        Raises:
            ValueError: A name that neither knows.
        """
        for theirs_name, our_name in self.renamed.items():
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


def with_learners(request: Any, config: dict[str, Any], learners: int) -> PlacementGroupFactory:
    """Add the processes of a second learner group, of which RLlib does not know, to a Tune trial's resources.

    Args:
        request: RLlib's own request: driver, actors, the policy's learners.
        config: The algorithm's configuration.
        learners: Number of processes.
    """
    cpus, gpus = config.get("num_cpus_per_learner", "auto"), config.get("num_gpus_per_learner", 0)
    bundle = {"CPU": (0 if gpus else 1) if cpus == "auto" else cpus, "GPU": gpus}
    bundles = [*request.bundles, *(dict(bundle) for _ in range(learners))]
    return PlacementGroupFactory(bundles, strategy=request.strategy)
