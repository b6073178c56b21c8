"""Batches of episodes painted by a policy in the same process."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from actors.episodes import EpisodeRecorder
from envs.worlds import World
from learners.networks.acting import ActingCopy
from learners.networks.policy import PaintPolicy, PolicyInputs
from learners.precision import resolve
from learners.settings import Precision
from learners.trajectory import Trajectory


class Rollout(EpisodeRecorder):
    """N canvases that one policy, here in this process, paints in lock-step.

    Args:
        env: the worlds; all N episodes begin and end together.
        policy: acts; its weights may be replaced between calls.
        seed: of the noise, of the draw of targets, and of torch's global generator, which samples the actions.
        precision: of the policy's forward passes.

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
        super().__init__(env)
        self.policy = policy.eval()
        self.acting = ActingCopy(policy, precision)
        self.conditional = policy.conditional
        self.device = next(policy.parameters()).device
        self.computed_in = resolve(precision, self.device)
        self.generator = torch.Generator()
        if seed is not None:
            self.generator.manual_seed(seed)
            torch.manual_seed(seed)

    def draw_noise(self) -> NDArray[np.float32]:
        """Draw the noise of N episodes, float32 [N, Z]."""
        noise: NDArray[np.float32] = torch.randn(
            self.env.num_envs, self.policy.noise_size, generator=self.generator
        ).numpy()
        return noise

    def draw_rows(self, count: int) -> NDArray[np.int64]:
        """Draw N of `count` targets."""
        rows: NDArray[np.int64] = torch.randint(count, (self.env.num_envs,), generator=self.generator).numpy()
        return rows

    @torch.inference_mode()
    def begin_policy(self, noise: NDArray[np.float32], target: NDArray[np.uint8] | None) -> None:
        """See `EpisodeRecorder.begin_policy`."""
        count = len(noise)
        self.seen_noise = torch.from_numpy(noise).to(self.device)
        self.seen_target = None if target is None else torch.from_numpy(target).to(self.device)
        components = len(self.env.spec_actions.components)
        self.previous_action = torch.zeros(count, components, dtype=torch.long, device=self.device)
        self.state = self.policy.initial_state(count, self.device)

    def unroll(self, steps: int, version: int = 0, actor: int = 0) -> Trajectory:
        """Paint the next `steps` actions with the policy's present weights, see `EpisodeRecorder.unroll`."""
        self.acting.refresh()
        return super().unroll(steps, version, actor)

    @torch.inference_mode()
    def act(self, canvas: NDArray[np.uint8], step: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """See `EpisodeRecorder.act`."""
        inputs = PolicyInputs(
            torch.from_numpy(canvas).to(self.device),
            self.previous_action,
            torch.full((len(canvas),), step, device=self.device),
            self.seen_noise,
            self.seen_target,
        )
        choice = self.acting.act(inputs, self.state)
        self.previous_action, self.state = choice.action, choice.state
        return choice.action.cpu().numpy(), choice.log_prob.float().cpu().numpy()

    def recurrent_state(self) -> NDArray[np.float32]:
        """See `EpisodeRecorder.recurrent_state`."""
        state: NDArray[np.float32] = self.state.float().cpu().numpy()
        return state
