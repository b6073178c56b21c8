"""TD3's configuration: RLlib's, with every setting of a run; for the latent world, or any Gymnasium world by name."""

from __future__ import annotations

import importlib
from typing import Any, ClassVar

import gymnasium as gym
import numpy as np
from gymnasium.vector import AutoresetMode
from ray.rllib.core.rl_module.rl_module import RLModuleSpec

from actors.transition_rollout import ActionRange, observation_size
from actors.transition_runner import TransitionRunner
from cluster.latent.assets import LatentGround, SharedGround
from cluster.latent.learners import TD3GroupLearner
from cluster.latent.rl_modules import TD3Module
from cluster.latent.settings import LatentSettings
from cluster.replay.buffer import Replay
from cluster.training.config import RunConfig
from learners.hindsight import Rules
from learners.transitions import TransitionLayout

World = gym.vector.VectorEnv[Any, Any, Any]


class LatentTD3Config(RunConfig[LatentSettings]):
    """Configuration of :class:`cluster.latent.td3.LatentTD3`.

    ``LatentTD3Config().environment("Pendulum-v1").training(actors=2, samples_per_insert=256)``: every setting of
    :class:`cluster.latent.settings.LatentSettings` can be given by its bare name, beside RLlib's own. Without
    ``environment`` the world is the latent one.

    Attributes:
        ground: images and frozen parts of the latent world; loaded by the algorithm where it is not given.
        layout: of a transition; filled in by the algorithm when it has seen the world.
    """

    renamed: ClassVar[dict[str, str]] = {
        "lr": "learning_rate",
        "gamma": "discount",
        "train_batch_size_per_learner": "batch",
        "tau": "polyak",
    }

    def __init__(self, algo_class: type | None = None) -> None:
        if algo_class is None:
            from cluster.latent.td3 import LatentTD3 as algo_class  # the two know each other, as in RLlib
        self.ground: SharedGround | None = None
        self.layout: TransitionLayout | None = None
        super().__init__(algo_class, LatentSettings(), "latent-00")

    def use(self, settings: LatentSettings) -> LatentTD3Config:
        """Take all settings of a run, and lay out its actors and learner processes."""
        self.settings = settings
        self.lay_out(settings.system, TransitionRunner, settings.system.worlds)
        return self

    def get_default_rl_module_spec(self) -> RLModuleSpec:
        """The networks' module."""
        config = {"td3": self.settings.td3, "seed": self.settings.system.seed}
        return RLModuleSpec(module_class=TD3Module, model_config=config)

    def get_default_learner_class(self) -> type:
        """The learner."""
        return TD3GroupLearner

    def sink(self) -> Replay:
        """Where an actor pushes blocks: the shared replay, waiting for Redis as long as it takes."""
        assert self.replay is not None
        return Replay(self.replay, wait=True)

    def world(self, count: int, seed: int) -> World:
        """``count`` worlds, which reset themselves in the step that ends an episode. ``seed`` seeds the latent world's
        draws; others are seeded by their first reset."""
        if self.env is None:
            return self.shared_ground().world(self.settings, count, seed)
        module, _, name = str(self.env).rpartition(":")
        if module:
            importlib.import_module(module)  # which registers the world, as Gymnasium has it
        if gym.spec(name).vector_entry_point is not None:
            return gym.make_vec(name, count, vectorization_mode="vector_entry_point").unwrapped
        options = {"autoreset_mode": AutoresetMode.SAME_STEP}
        return gym.make_vec(name, count, vectorization_mode="sync", vector_kwargs=options)

    def probe(self) -> World:
        """A single world, as cheap as can be, to ask for its spaces and rules."""
        if self.env is None:
            return self.shared_ground().world(self.settings, 1, 0, few=True)
        return self.world(1, 0)

    def shared_ground(self) -> SharedGround:
        """What latent worlds stand on; loaded, or trained, at the first call."""
        if self.ground is None:
            self.ground = LatentGround.load(self.settings).share()
        return self.ground

    def rules(self) -> Rules | None:
        """Score, relabel and retell without acting; None for worlds that can not."""
        if self.env is None:
            return self.shared_ground().rules(self.settings)
        world = self.world(1, 0)
        return world if isinstance(world, Rules) else None

    @property
    def prior_spread(self) -> float | None:
        """The prior's standard deviation in units of half the action range; None where the prior is uniform."""
        return 1.0 / self.settings.world.action_range if self.env is None else None

    def find_layout(self) -> TransitionLayout:
        """Take one step in a world to see what a transition consists of.

        Raises:
            ValueError: TD3 can not act there.
        """
        world = self.probe()
        try:
            actions = ActionRange(world.single_action_space)
            size = observation_size(world.single_observation_space)
            world.reset(seed=0)
            _, _, terminated, _, info = world.step(actions.to_world(np.zeros((1, actions.size), np.float32)))
        finally:
            world.close()
        layout = TransitionLayout.plain(size, actions.size)
        if "task" not in info:
            return layout
        if self.settings.td3.n_step > 1:
            raise ValueError("n_step: expected 1 in a world with tasks, whose rewards are computed again when sampled")
        columns = [c for c in layout.columns if not (c[0] == "next_observation" and bool(terminated[0]))]
        for name, dtype in (("features", "<f4"), ("source", "<f4"), ("task", "<i8")):
            columns.append((name, dtype, info[name].shape[1:]))
        return TransitionLayout(tuple(columns))
