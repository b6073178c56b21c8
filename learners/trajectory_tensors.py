"""Trajectories as learners use them, on a device."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from envs.spec import ActionSpec
from learners.networks.plan import Plan
from learners.networks.policy import PolicyInputs
from learners.settings import ComputedPrecision
from learners.trajectory import Trajectory


def tensor_of(array: NDArray[Any]) -> Tensor:
    """Make a tensor of an array; of a copy if it is read-only, as those from Ray's store are: torch knows no such."""
    return torch.from_numpy(np.require(array, requirements="W"))


@dataclass
class TrajectoryTensors:
    """A `Trajectory` on a learner's device.

    Attributes:
        inputs: the policy's inputs before each action, [T, B].
        following: the policy's inputs after the last action, [B].
        all_canvases: uint8 [T + 1, B, H, W, C].
        action: int64 [T, B, K].
        log_prob: float32 [T, B].
        state: float32 [B, S], recurrent state before the first action; None for the initial state.
        previous_action: int64 [B, K], the action before the first.
        painted: bool [B], true if anything was painted before the first action.
        ends: bool [B], true for episodes that end with this batch.
        over: int64 [N], the episodes that end with this batch; found on the CPU, so that no device is waited for.
        target: uint8 [B, H, W, C] or None.
        version: policy updates behind the weights that acted.
        precision: see `Trajectory`.
    """

    inputs: PolicyInputs
    following: PolicyInputs
    all_canvases: Tensor
    action: Tensor
    log_prob: Tensor
    state: Tensor | None
    previous_action: Tensor
    painted: Tensor
    ends: Tensor
    over: Tensor
    target: Tensor | None
    version: int
    precision: ComputedPrecision | None

    @property
    def finished(self) -> int:
        """Number of episodes that end with this batch."""
        return len(self.over)

    @property
    def hindsight(self) -> PolicyInputs:
        """Inputs of whole episodes, [T, B], with each finished painting as its own target."""
        return replace(self.inputs, target=self.all_canvases[-1].expand_as(self.inputs.canvas))

    def all(self) -> list[Tensor]:
        """All tensors, some of them views of others."""
        parts = [*vars(self).values(), *vars(self.inputs).values(), *vars(self.following).values()]
        planned = [] if self.inputs.plan is None else self.inputs.plan.tensors()
        return [part for part in parts if isinstance(part, Tensor)] + planned

    @classmethod
    def of(
        cls,
        trajectory: Trajectory,
        device: torch.device,
        move: Callable[[NDArray[Any]], Tensor] | None = None,
        spec: ActionSpec | None = None,
    ) -> TrajectoryTensors:
        """Copy a trajectory to `device` and lay out the policy's inputs at each step.

        Args:
            trajectory: to copy.
            device: of the tensors.
            move: copies an array there; by default the host waits for each copy.
            spec: of the actions; with it, the inputs tell what of them has to be computed.
        """
        move = move or (lambda array: tensor_of(array).to(device))
        canvas = move(trajectory.canvas)
        action = move(trajectory.action).long()
        time, batch = action.shape[:2]
        noise, before = move(trajectory.noise), trajectory.before
        target = None if trajectory.target is None else move(trajectory.target)
        never = torch.zeros(batch, dtype=torch.bool, device=device)
        previous = torch.zeros_like(action[0]) if before is None else move(before.previous_action).long()
        step = torch.arange(time + 1, device=device)[:, None].expand(time + 1, batch)
        if before is not None:
            step = step + move(before.step)
        inputs = PolicyInputs(
            canvas=canvas[:-1],
            previous_action=torch.cat([previous[None], action[:-1]]),
            step=step[:-1],
            noise=noise.expand(time, batch, -1),
            target=None if target is None else target.expand(time, *target.shape),
            plan=None
            if spec is None
            else Plan.of(trajectory.canvas[:-1], trajectory.action, spec, move, share_white=target is None),
        )
        return cls(
            inputs=inputs,
            following=PolicyInputs(canvas[-1], action[-1], step[-1], noise, target),
            all_canvases=canvas,
            action=action,
            log_prob=move(trajectory.log_prob),
            state=None if before is None else move(before.state),
            previous_action=previous,
            painted=never if before is None else move(before.painted),
            ends=~never if trajectory.ends is None else move(trajectory.ends),
            over=move(np.arange(batch) if trajectory.ends is None else np.flatnonzero(trajectory.ends)),
            target=target,
            version=trajectory.version,
            precision=trajectory.precision,
        )
