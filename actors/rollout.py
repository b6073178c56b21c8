"""Batches of episodes painted by a policy."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from actors.stopwatch import Stopwatch
from envs.worlds import World
from learners.networks.policy import PaintPolicy, PolicyInputs
from learners.precision import autocast, resolve
from learners.settings import Precision
from learners.trajectory import Before, Trajectory


class Rollout:
    """N canvases that one policy paints in lock-step, one episode or one unroll for each call.

    Args:
        env: the worlds; all N episodes begin and end together.
        policy: acts; its weights may be replaced between calls.
        seed: of the noise, of the draw of targets, and of torch's global generator, which samples the actions.
        precision: of the policy's forward passes.

    Attributes:
        targets: uint8 [M, H, W, C], the images from which a conditional policy's targets are drawn.
        watch: wall time so far of `render` (worlds) and `inference` (policy).

    Example:
        >>> from actors.rollout import Rollout
        >>> from envs import PaintConfig, PaintVectorEnv
        >>> from learners import PolicySettings, build_policy
        >>> config = PaintConfig(observation_size=16, grid=8, episode_length=4)
        >>> settings = PolicySettings(network="laptop")
        >>> policy = build_policy(settings, config.action_spec, config.canvas_shape, config.num_actions)
        >>> trajectory = Rollout(PaintVectorEnv(2, config), policy, seed=0).episodes()
        >>> trajectory.canvas.shape, trajectory.action.shape
        ((4, 2, 16, 16, 3), (3, 2, 8))
    """

    def __init__(
        self, env: World, policy: PaintPolicy, *, seed: int | None = None, precision: Precision = "auto"
    ) -> None:
        self.env = env
        self.policy = policy.eval()
        self.precision = precision
        self.device = next(policy.parameters()).device
        self.generator = torch.Generator()
        if seed is not None:
            self.generator.manual_seed(seed)
            torch.manual_seed(seed)
        self.targets: NDArray[np.uint8] | None = None
        self.watch = Stopwatch()
        self.step = self.length  # as after an episode: the next unroll begins a new one

    @property
    def length(self) -> int:
        """T, the number of actions in an episode."""
        return self.env.config.num_actions

    @torch.inference_mode()
    def begin(self, target: NDArray[np.uint8] | None = None) -> None:
        """Begin an episode on each of the N canvases.

        Args:
            target: uint8 [N, H, W, C] for a conditional policy to reproduce; None draws it from `targets`.

        Raises:
            ValueError: the policy is conditional, and there are no targets to draw from.
        """
        count = self.env.num_envs
        self.noise = torch.randn(count, self.policy.noise_size, generator=self.generator)
        if self.policy.conditional and target is None:
            if self.targets is None:
                raise ValueError("targets: a conditional policy needs images to draw its targets from")
            target = self.targets[torch.randint(len(self.targets), (count,), generator=self.generator).numpy()]
        self.target = target if self.policy.conditional else None
        self.seen_noise = self.noise.to(self.device)
        self.seen_target = None if self.target is None else torch.from_numpy(self.target).to(self.device)
        self.previous = torch.zeros(count, len(self.env.spec_actions.components), dtype=torch.long, device=self.device)
        self.state = self.policy.initial_state(count, self.device)
        self.painted = np.zeros(count, bool)
        self.watch.start()
        self.canvas: NDArray[np.uint8] = self.env.reset()[0]["canvas"]
        self.watch.lap("render")
        self.step = 0

    @torch.inference_mode()
    def unroll(self, steps: int, version: int = 0, actor: int = 0) -> Trajectory:
        """Paint the next `steps` actions of the episodes that were begun, or fewer if the episodes end before.

        Args:
            steps: T of the result, at most.
            version: policy updates behind the policy's weights, for the record.
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
        self.watch.start()
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
            self.watch.lap("inference")
            canvases[step + 1] = env.step(action)[0]["canvas"]
            self.watch.lap("render")
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
            precision=resolve(self.precision, self.device),
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
