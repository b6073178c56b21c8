"""Recording of episodes, without torch: N canvases on which a policy acts, wherever the policy is."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
from numpy.typing import NDArray

from actors.stopwatch import Stopwatch
from envs.worlds import World
from learners.settings import ComputedPrecision
from learners.trajectory import Before, Trajectory


class EpisodeRecorder(ABC):
    """N canvases painted in lock-step, one episode or one unroll for each call; a subclass reaches the policy.

    Args:
        env: the worlds; all N episodes begin and end together.

    Attributes:
        targets: uint8 [M, H, W, C], the images from which a conditional policy's targets are drawn.
        watch: wall time so far of `render` (worlds) and `inference` (policy).
    """

    #: Whether the policy reproduces a target.
    conditional: bool
    #: Precision that the policy is computed in.
    computed_in: ComputedPrecision

    def __init__(self, env: World) -> None:
        self.env = env
        self.targets: NDArray[np.uint8] | None = None
        self.watch = Stopwatch()
        self.step = self.length  # as after an episode: the next unroll begins a new one

    @property
    def length(self) -> int:
        """T, the number of actions in an episode."""
        return self.env.config.num_actions

    @abstractmethod
    def draw_noise(self) -> NDArray[np.float32]:
        """Draw the noise of N episodes, float32 [N, Z]."""

    @abstractmethod
    def draw_rows(self, count: int) -> NDArray[np.int64]:
        """Draw N of `count` targets."""

    @abstractmethod
    def begin_policy(self, noise: NDArray[np.float32], target: NDArray[np.uint8] | None) -> None:
        """Give the policy noise and targets of new episodes, and its recurrent state back to the initial one."""

    @abstractmethod
    def act(self, canvas: NDArray[np.uint8], step: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Actions int64 [N, K] and their log-probabilities float32 [N] for canvases uint8 [N, H, W, C] at a step."""

    @abstractmethod
    def recurrent_state(self) -> NDArray[np.float32]:
        """Recurrent state before the next action, float32 [N, S]."""

    def begin(self, target: NDArray[np.uint8] | None = None) -> None:
        """Begin an episode on each of the N canvases.

        Args:
            target: uint8 [N, H, W, C] for a conditional policy to reproduce; None draws it from `targets`.

        Raises:
            ValueError: the policy is conditional, and there are no targets to draw from.
        """
        count = self.env.num_envs
        self.noise = self.draw_noise()
        if self.conditional and target is None:
            if self.targets is None:
                raise ValueError("targets: a conditional policy needs images to draw its targets from")
            target = self.targets[self.draw_rows(len(self.targets))]
        self.target = target if self.conditional else None
        self.begin_policy(self.noise, self.target)
        self.previous = np.zeros((count, len(self.env.spec_actions.components)), np.int16)
        self.painted = np.zeros(count, bool)
        self.watch.start()
        self.canvas: NDArray[np.uint8] = self.env.reset()[0]["canvas"]
        self.watch.lap("render")
        self.step = 0

    def unroll(self, steps: int, version: int = 0, actor: int = 0) -> Trajectory:
        """Paint the next `steps` actions of the episodes that were begun, or fewer if the episodes end before.

        Args:
            steps: T of the result, at most.
            version: policy updates behind the policy's weights, for the record.
            actor: index of the actor, for the record.
        """
        env, spec, count = self.env, self.env.spec_actions, self.env.num_envs
        first, steps = self.step, min(steps, self.length - self.step)
        whole = steps == self.length
        before = None
        if not whole:
            before = Before(np.full(count, first), self.previous, self.painted, self.recurrent_state())
        canvases = np.empty((steps + 1, count, *env.config.canvas_shape), np.uint8)
        actions = np.zeros((steps, count, len(spec.components)), np.int16)
        log_probs = np.empty((steps, count), np.float32)
        canvases[0] = self.canvas
        self.watch.start()
        for step in range(steps):
            action, log_probs[step] = self.act(canvases[step], first + step)
            actions[step] = action
            self.watch.lap("inference")
            canvases[step + 1] = env.step(action)[0]["canvas"]
            self.watch.lap("render")
        self.step = first + steps
        self.canvas = canvases[-1].copy()
        self.previous = actions[-1].copy()
        self.painted = self.painted | (actions[..., spec.flag] != 0).any(0)
        return Trajectory(
            canvases,
            actions,
            log_probs,
            self.noise,
            version,
            actor,
            self.target,
            before,
            None if whole else np.full(count, self.step == self.length),
            precision=self.computed_in,
        )

    def episodes(self, version: int = 0, actor: int = 0, target: NDArray[np.uint8] | None = None) -> Trajectory:
        """Paint one episode on each of the N canvases; see `begin` and `unroll` for the arguments."""
        self.begin(target)
        return self.unroll(self.length, version, actor)

    def next_unroll(self, steps: int, version: int = 0, actor: int = 0) -> Trajectory:
        """Paint the next `steps` actions (0: a whole episode), of new episodes if the last ones have ended."""
        if self.step == self.length:
            self.begin()
        return self.unroll(steps or self.length, version, actor)
