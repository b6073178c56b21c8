"""The world of all peers: canvases of the `laptop` preset, reward zero, and our policy as others' networks see it."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import torch
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray
from torch import Tensor

from cluster.painter.settings import PainterSettings, preset
from envs.paint import PaintVectorEnv
from envs.spec import ActionSpec
from learners.networks.build import build_policy
from learners.networks.laptop import LaptopPolicy
from learners.networks.policy import PolicyInputs
from learners.precision import autocast

Observation = dict[str, NDArray[Any]]
NAME = "impasto/SituatedPaint-v0"
gym.register(NAME, vector_entry_point=f"{__name__}:SituatedPaint")


def settings() -> PainterSettings:
    """Return the settings of all peers."""
    return preset("laptop")


def make_policy() -> LaptopPolicy:
    """Make the policy of all peers, with the same weights each time: torso, autoregressive heads and value."""
    torch.manual_seed(0)
    given = settings()
    paint = given.paint
    policy = build_policy(given.policy, paint.action_spec, paint.canvas_shape, paint.num_actions)
    assert isinstance(policy, LaptopPolicy)
    return policy


class SituatedPaint(VectorEnv):  # type: ignore[type-arg]
    """N canvases whose observations hold all that the policy needs: others' networks keep nothing between steps.

    Observations are `canvas`, uint8 [N, H, W, C], and `situation`, float32 [N, K + 1 + Z]: the action before, the step
    and the noise of the episode. The reward is zero.
    """

    def __init__(
        self, num_envs: int, render_mode: str | None = None, *, autoreset_mode: Any = AutoresetMode.NEXT_STEP
    ) -> None:
        given = settings()
        self.env = PaintVectorEnv(num_envs, given.paint, autoreset_mode=autoreset_mode)
        self.num_envs, self.metadata, self.render_mode = num_envs, self.env.metadata, render_mode
        self.autoreset_mode = self.env.autoreset_mode
        self.single_action_space, self.action_space = self.env.single_action_space, self.env.action_space
        self.noise_size = given.policy.noise_size
        self.rng = np.random.default_rng(0)
        sizes = self.env.spec_actions.sizes
        self.previous = np.zeros((num_envs, len(sizes)), np.float32)
        self.noise = np.zeros((num_envs, self.noise_size), np.float32)
        self.single_observation_space = gym.spaces.Dict(
            {
                "canvas": gym.spaces.Box(0, 255, given.paint.canvas_shape, np.uint8),
                "situation": gym.spaces.Box(-np.inf, np.inf, (len(sizes) + 1 + self.noise_size,), np.float32),
            }
        )
        self.observation_space = batch_space(self.single_observation_space, num_envs)

    def reset(self, *, seed: Any = None, options: Any = None) -> tuple[Observation, dict[str, Any]]:
        """Begin an episode on all canvases, or on those of the option `reset_mask`, bool [N]."""
        rows = (options or {}).get("reset_mask", np.ones(self.num_envs, bool))
        seen, _ = self.env.reset(options={"reset_mask": rows})
        self.previous[rows] = 0
        self.noise[rows] = self.rng.standard_normal((int(rows.sum()), self.noise_size), dtype=np.float32)
        return self.observe(seen), {}

    def step(self, actions: Any) -> tuple[Observation, NDArray[Any], NDArray[Any], NDArray[Any], dict[str, Any]]:
        """Do one action on each canvas."""
        actions = np.asarray(actions)
        seen, reward, ended, truncated, _ = self.env.step(actions)
        first = seen["episode_step"] == 0
        self.previous = np.where(first[:, None], 0, actions).astype(np.float32)
        if first.any():
            self.noise[first] = self.rng.standard_normal((int(first.sum()), self.noise_size), dtype=np.float32)
        return self.observe(seen), reward.astype(np.float32), ended, truncated, {}

    def observe(self, seen: Observation) -> Observation:
        """Make the observation."""
        step = seen["episode_step"][:, None].astype(np.float32)
        return {"canvas": seen["canvas"], "situation": np.concatenate([self.previous, step, self.noise], 1)}

    def close(self, **kwargs: Any) -> None:
        """Free the canvases."""
        self.env.close()


def inputs_of(canvas: Tensor, situation: Tensor, spec: ActionSpec) -> PolicyInputs:
    """Take an observation with leading dimension [N] apart again."""
    count = len(spec.components)
    return PolicyInputs(canvas, situation[:, :count].long(), situation[:, count].long(), situation[:, count + 1 :])


def look(policy: LaptopPolicy, canvas: Tensor, situation: Tensor) -> Tensor:
    """Compute the policy's features of an observation, and put the step behind them: float32 [N, 257]."""
    inputs = inputs_of(canvas.to(torch.uint8), situation, policy.spec)
    with autocast("auto", canvas.device):
        return torch.cat([policy.features(inputs), inputs.step[:, None]], 1)


def taken_apart(state: Tensor) -> tuple[Tensor, Tensor]:
    """Take features and step int64 of what `look` returned, [*, 257], apart again: [N, 256] and [N]."""
    return state[..., :-1].flatten(0, -2), state[..., -1].flatten().long()


def tell(policy: LaptopPolicy, hidden: Tensor, step: Tensor, actions: Tensor) -> tuple[list[Tensor], list[Tensor]]:
    """Return log-probabilities and entropies [N] of the components of actions [N, K]."""
    with autocast("auto", hidden.device):
        return policy.tell(hidden, None, step, actions.long())
