"""Episodes of random actions, for hindsight to learn from when a policy's own paintings vary too little."""

from __future__ import annotations

from typing import Any

import numpy as np

from envs.worlds import World, make_world
from learners.trajectory import Trajectory


class RandomPlay:
    """N worlds in which every component of every action is drawn uniformly.

    Hindsight on a policy's own paintings only confirms its preferences. Random play shows everything (Lynch et al.
    2019, arXiv 1903.01973, learn from the play of people).

    Args:
        env: the worlds.
        noise_size: Z, the noise size of the policy that will learn from these episodes.
        seed: of actions and noise.
    """

    def __init__(self, env: World, noise_size: int, seed: int | None = None) -> None:
        self.env = env
        self.noise_size = noise_size
        self.rng = np.random.default_rng(seed)
        self.log_sizes = np.log(env.spec_actions.sizes).astype(np.float32)

    def episodes(self) -> Trajectory:
        """One episode of T actions in each of the N worlds, without targets; `version` and `actor` are 0."""
        env, spec, count = self.env, self.env.spec_actions, self.env.num_envs
        steps = env.config.num_actions
        actions = self.rng.integers(0, spec.sizes, (steps, count, len(spec.components)))
        if spec.first_is_move:
            actions[0, :, spec.flag] = 0
        canvases = np.empty((steps + 1, count, *env.config.canvas_shape), np.uint8)
        canvases[0] = env.reset()[0]["canvas"]
        for step, action in enumerate(actions):
            canvases[step + 1] = env.step(action)[0]["canvas"]
        # The flag of a first action that must be a move is certain: its log-probability is 0.
        drawn = spec.mask(actions)
        if spec.first_is_move:
            drawn[0, :, spec.flag] = False
        return Trajectory(
            canvases,
            actions.astype(np.int16),
            -(drawn * self.log_sizes).sum(-1),
            self.rng.standard_normal((count, self.noise_size), np.float32),
            version=0,
            actor=0,
        )


def random_play(settings: Any, seed: int) -> RandomPlay | None:
    """Make the random play that a run's settings (`PainterSettings`) ask for; None if they ask for none."""
    if not settings.system.random_canvases:
        return None
    return RandomPlay(make_world(settings.system.random_canvases, settings.world), settings.policy.noise_size, seed)
