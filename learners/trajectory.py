"""The record of a batch of episodes, as it travels from actors to learners."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from learners.networks.policy import PolicyInputs


@dataclass
class Trajectory:
    """B whole episodes of T actions, time major. Everything is a plain array, so that Ray moves it without copies.

    Attributes:
        canvas: uint8 [T + 1, B, H, W, C], the canvas before each action and the final one.
        action: int16 [T, B, K] in spec order.
        log_prob: float32 [T, B], joint log-probability under the policy that acted.
        noise: float32 [B, Z], the noise that each episode was painted from.
        version: number of policy updates behind the weights that acted.
        actor: index of the actor.
    """

    canvas: NDArray[np.uint8]
    action: NDArray[np.int16]
    log_prob: NDArray[np.float32]
    noise: NDArray[np.float32]
    version: int
    actor: int

    @property
    def steps(self) -> int:
        """T * B, environment steps in this batch."""
        time, batch = self.action.shape[:2]
        return int(time * batch)

    @classmethod
    def join(cls, parts: list[Trajectory]) -> Trajectory:
        """Batches of one length side by side, as one; its version is the oldest's, its actor the first's."""
        if len(parts) == 1:
            return parts[0]
        return cls(
            np.concatenate([part.canvas for part in parts], 1),
            np.concatenate([part.action for part in parts], 1),
            np.concatenate([part.log_prob for part in parts], 1),
            np.concatenate([part.noise for part in parts]),
            min(part.version for part in parts),
            parts[0].actor,
        )


@dataclass
class TrajectoryTensors:
    """A :class:`Trajectory` on a learner's device: ``inputs`` [T, B], final canvas [B, H, W, C], action, log_prob."""

    inputs: PolicyInputs
    all_canvases: Tensor
    action: Tensor
    log_prob: Tensor

    @classmethod
    def of(cls, trajectory: Trajectory, device: torch.device) -> TrajectoryTensors:
        """Copy to ``device`` and lay out what the policy saw at each step."""

        def move(array: NDArray[np.generic]) -> Tensor:
            # Arrays from Ray's object store are read-only, which torch can not express: it would warn at each.
            writable = array if array.flags.writeable else array.copy()
            return torch.from_numpy(writable).to(device, non_blocking=True)

        canvas = move(trajectory.canvas)
        action = move(trajectory.action).long()
        time, batch = action.shape[:2]
        inputs = PolicyInputs(
            canvas=canvas[:-1],
            previous_action=torch.cat([torch.zeros_like(action[:1]), action[:-1]]),
            step=torch.arange(time, device=device)[:, None].expand(time, batch),
            noise=move(trajectory.noise).expand(time, batch, -1),
        )
        return cls(inputs, canvas, action, move(trajectory.log_prob))
