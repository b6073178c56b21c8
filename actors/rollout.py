"""Painting whole batches of episodes with a policy."""

from __future__ import annotations

import time
from collections import defaultdict

import numpy as np
import torch

from envs.paint import PaintVectorEnv
from learners.networks.policy import PaintPolicy, PolicyInputs
from learners.precision import autocast
from learners.settings import Precision
from learners.trajectory import Trajectory


class Rollout:
    """N canvases that one policy paints in lock-step, an episode a call.

    Attributes:
        env: the worlds; all N begin and end together.
        policy: acts; its weights may be replaced between episodes.
        seconds: wall seconds spent so far in ``render`` (worlds) and ``inference`` (policy).
    """

    def __init__(
        self, env: PaintVectorEnv, policy: PaintPolicy, *, seed: int | None = None, precision: Precision = "auto"
    ) -> None:
        """``seed`` seeds the noise and torch's generator of this process, which samples the actions."""
        self.env = env
        self.policy = policy.eval()
        self.precision = precision
        self.device = next(policy.parameters()).device
        self.generator = torch.Generator()
        if seed is not None:
            self.generator.manual_seed(seed)
            torch.manual_seed(seed)
        self.seconds: defaultdict[str, float] = defaultdict(float)

    @torch.inference_mode()
    def episodes(self, version: int = 0, actor: int = 0, noise: torch.Tensor | None = None) -> Trajectory:
        """Paint one episode on each of the N canvases.

        Args:
            version: policy updates behind the weights that act, for the record.
            actor: index of the actor, for the record.
            noise: float32 [N, Z] to paint from; drawn from N(0, 1) when absent.
        """
        env, spec, count = self.env, self.env.spec_actions, self.env.num_envs
        length = env.config.num_actions
        if noise is None:
            noise = torch.randn(count, self.policy.noise_size, generator=self.generator)
        canvases = np.empty((length + 1, count, *env.config.canvas_shape), np.uint8)
        actions = np.zeros((length, count, len(spec.components)), np.int16)
        log_probs = np.empty((length, count), np.float32)
        device_noise = noise.to(self.device)
        previous = torch.zeros(count, len(spec.components), dtype=torch.long, device=self.device)
        state = self.policy.initial_state(count, self.device)
        clock = time.perf_counter()
        canvases[0] = env.reset()[0]["canvas"]
        clock = self.spent("render", clock)
        for step in range(length):
            inputs = PolicyInputs(
                torch.from_numpy(canvases[step]).to(self.device),
                previous,
                torch.full((count,), step, device=self.device),
                device_noise,
            )
            with autocast(self.precision, self.device):
                choice = self.policy.act(inputs, state)
            previous, state = choice.action, choice.state
            action = choice.action.cpu().numpy()
            actions[step] = action
            log_probs[step] = choice.log_prob.float().cpu().numpy()
            clock = self.spent("inference", clock)
            canvases[step + 1] = env.step(action)[0]["canvas"]
            clock = self.spent("render", clock)
        return Trajectory(canvases, actions, log_probs, noise.numpy(), version, actor)

    def spent(self, what: str, since: float) -> float:
        """Book the wall time since ``since`` and return the present time."""
        now = time.perf_counter()
        self.seconds[what] += now - since
        return now
