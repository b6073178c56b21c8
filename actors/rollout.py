"""Painting whole batches of episodes with a policy."""

from __future__ import annotations

import time
from collections import defaultdict

import numpy as np
import torch
from numpy.typing import NDArray

from envs.worlds import World
from learners.networks.policy import PaintPolicy, PolicyInputs
from learners.precision import autocast
from learners.settings import Precision
from learners.trajectory import Before, Trajectory


class Rollout:
    """N canvases that one policy paints in lock-step, an episode a call or an unroll a call.

    Attributes:
        env: the worlds; all N begin and end together.
        policy: acts; its weights may be replaced between calls.
        targets: uint8 [M, H, W, C], the images from which a conditional policy's targets are drawn.
        seconds: wall seconds spent so far in ``render`` (worlds) and ``inference`` (policy).
    """

    def __init__(
        self, env: World, policy: PaintPolicy, *, seed: int | None = None, precision: Precision = "auto"
    ) -> None:
        """``seed`` seeds the noise, the draw of targets, and torch's generator, which samples the actions."""
        self.env = env
        self.policy = policy.eval()
        self.precision = precision
        self.device = next(policy.parameters()).device
        self.generator = torch.Generator()
        if seed is not None:
            self.generator.manual_seed(seed)
            torch.manual_seed(seed)
        self.targets: NDArray[np.uint8] | None = None
        self.seconds: defaultdict[str, float] = defaultdict(float)
        self.step = self.length  # no episode has begun

    @property
    def length(self) -> int:
        """T, the actions of an episode."""
        return self.env.config.num_actions

    @torch.inference_mode()
    def begin(self, noise: torch.Tensor | None = None, target: NDArray[np.uint8] | None = None) -> None:
        """Begin an episode on each of the N canvases.

        Args:
            noise: float32 [N, Z] to paint from; drawn from N(0, 1) when absent.
            target: uint8 [N, H, W, C] for a conditional policy to reproduce; drawn from ``targets`` when absent.

        Raises:
            ValueError: the policy is conditional, and there is nothing to draw a target from.
        """
        count = self.env.num_envs
        if noise is None:
            noise = torch.randn(count, self.policy.noise_size, generator=self.generator)
        if self.policy.conditional and target is None:
            if self.targets is None:
                raise ValueError("targets: a conditional policy needs images to draw its targets from")
            target = self.targets[torch.randint(len(self.targets), (count,), generator=self.generator).numpy()]
        self.noise, self.target = noise, target if self.policy.conditional else None
        self.seen_noise = noise.to(self.device)
        self.seen_target = None if self.target is None else torch.from_numpy(self.target).to(self.device)
        self.previous = torch.zeros(count, len(self.env.spec_actions.components), dtype=torch.long, device=self.device)
        self.state = self.policy.initial_state(count, self.device)
        self.painted = np.zeros(count, bool)
        clock = time.perf_counter()
        self.canvas: NDArray[np.uint8] = self.env.reset()[0]["canvas"]
        self.spent("render", clock)
        self.step = 0

    @torch.inference_mode()
    def unroll(self, steps: int, version: int = 0, actor: int = 0) -> Trajectory:
        """Paint the next ``steps`` actions of the episodes that were begun, at most to their end.

        Args:
            steps: T of the result, at most what is left of the episodes.
            version: policy updates behind the weights that act, for the record.
            actor: index of the actor, for the record.
        """
        env, spec, count = self.env, self.env.spec_actions, self.env.num_envs
        first, steps = self.step, min(steps, self.length - self.step)
        before = Before(
            np.full(count, first),
            self.previous.cpu().numpy().astype(np.int16),
            self.painted,
            self.state.float().cpu().numpy(),
        )
        canvases = np.empty((steps + 1, count, *env.config.canvas_shape), np.uint8)
        actions = np.zeros((steps, count, len(spec.components)), np.int16)
        log_probs = np.empty((steps, count), np.float32)
        canvases[0] = self.canvas
        clock = time.perf_counter()
        for step in range(steps):
            inputs = PolicyInputs(
                torch.from_numpy(canvases[step]).to(self.device),
                self.previous,
                torch.full((count,), first + step, device=self.device),
                self.seen_noise,
                self.seen_target,
            )
            with autocast(self.precision, self.device):
                choice = self.policy.act(inputs, self.state)
            self.previous, self.state = choice.action, choice.state
            action = choice.action.cpu().numpy()
            actions[step] = action
            log_probs[step] = choice.log_prob.float().cpu().numpy()
            clock = self.spent("inference", clock)
            canvases[step + 1] = env.step(action)[0]["canvas"]
            clock = self.spent("render", clock)
        self.step = first + steps
        self.canvas = canvases[-1].copy()
        self.painted = self.painted | (actions[..., spec.flag] != 0).any(0)
        whole = steps == self.length
        return Trajectory(
            canvases,
            actions,
            log_probs,
            self.noise.numpy(),
            version,
            actor,
            self.target,
            None if whole else before,
            None if whole else np.full(count, self.step == self.length),
        )

    def episodes(
        self,
        version: int = 0,
        actor: int = 0,
        noise: torch.Tensor | None = None,
        target: NDArray[np.uint8] | None = None,
    ) -> Trajectory:
        """Paint one episode on each of the N canvases; for the arguments see :meth:`begin` and :meth:`unroll`."""
        self.begin(noise, target)
        return self.unroll(self.length, version, actor)

    def next_unroll(self, steps: int, version: int = 0, actor: int = 0) -> Trajectory:
        """Paint the next ``steps`` actions (0: a whole episode), beginning new episodes where the last ended."""
        if self.step == self.length:
            self.begin()
        return self.unroll(steps or self.length, version, actor)

    def spent(self, what: str, since: float) -> float:
        """Book the wall time since ``since`` and return the present time."""
        now = time.perf_counter()
        self.seconds[what] += now - since
        return now
