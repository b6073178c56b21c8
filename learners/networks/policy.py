"""Base of all painting policies, with what they take and give."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from envs.spec import ActionSpec
from learners.networks.plan import Plan


@dataclass
class PolicyInputs:
    """Inputs of a policy at a step. `*` stands for [B] when acting and for [T, B] when evaluating.

    Attributes:
        canvas: uint8 [*, H, W, C], white is 255.
        previous_action: int64 [*, K] in spec order, zeros (a move to the origin) at the first step.
        step: int64 [*], number of actions taken in this episode.
        noise: float32 [*, Z], N(0, 1), one draw per episode, the same at every step.
        target: uint8 [*, H, W, C], the image to reproduce; None for a policy that is not conditional.
        plan: what of a recorded batch has to be computed; None computes all.
    """

    canvas: Tensor
    previous_action: Tensor
    step: Tensor
    noise: Tensor
    target: Tensor | None = None
    plan: Plan | None = None

    def flattened(self) -> PolicyInputs:
        """Inputs with one leading dimension [T * B] instead of [T, B]."""
        return PolicyInputs(
            self.canvas.flatten(0, 1),
            self.previous_action.flatten(0, 1),
            self.step.flatten(),
            self.noise.flatten(0, 1),
            None if self.target is None else self.target.flatten(0, 1),
            self.plan,
        )


@dataclass
class PolicyStep:
    """Result of acting.

    Attributes:
        action: int64 [B, K] in spec order.
        log_prob: float32 [B], joint log-probability of the action.
        value: float32 [B].
        state: float32 [B, S], recurrent state after the step.
    """

    action: Tensor
    log_prob: Tensor
    value: Tensor
    state: Tensor


@dataclass
class PolicyEvaluation:
    """Evaluation of recorded actions.

    Attributes:
        log_prob: float32 [T, B], joint log-probabilities.
        entropy: float32 [T, B], estimates from the recorded actions; their mean, and the mean of their gradients, are
            those of the policy's entropy.
        value: float32 [T, B].
        state: float32 [B, S], recurrent state after the last step.
    """

    log_prob: Tensor
    entropy: Tensor
    value: Tensor
    state: Tensor


class PaintPolicy(nn.Module, ABC):
    """A policy over the components of an `ActionSpec`.

    The joint log-probability and entropy of an action are sums over the components that counted; those that a move does
    not use (flag 0) are masked.

    Args:
        spec: components of an action.
        noise_size: Z, size of the noise vector.
        conditional: the policy reproduces a target, which must be among its inputs.
        blind: the policy is shown a white canvas instead of the painted one.

    Attributes:
        state_size: S, numbers of recurrent state; 0 for a policy without memory.
    """

    state_size: int = 0

    def __init__(self, spec: ActionSpec, noise_size: int, *, conditional: bool = False, blind: bool = False) -> None:
        super().__init__()
        self.spec = spec
        self.noise_size = noise_size
        self.conditional = conditional
        self.blind = blind

    def seen(self, inputs: PolicyInputs) -> Tensor:
        """Image that the policy looks at: the canvas, uint8 [N, H, W, C], or canvas and target, [N, H, W, 2C].

        Raises:
            ValueError: the policy is conditional, and there is no target.
        """
        canvas = torch.full_like(inputs.canvas, 255) if self.blind else inputs.canvas
        if not self.conditional:
            return canvas
        if inputs.target is None:
            raise ValueError("target: a conditional policy needs one for each canvas, got none")
        return torch.cat([canvas, inputs.target], -1)

    def fuse(self) -> None:
        """Replace layers by faster ones that give no gradients, for `learners.networks.acting`; none by default."""
        return

    def initial_state(self, batch_size: int, device: torch.device | str | None = None) -> Tensor:
        """Recurrent state float32 [B, S] before the first step of an episode."""
        return torch.zeros(batch_size, self.state_size, device=device)

    @abstractmethod
    def act(self, inputs: PolicyInputs, state: Tensor) -> PolicyStep:
        """Sample one action for each of B canvases.

        Args:
            inputs: with leading dimension [B].
            state: float32 [B, S].
        """

    @abstractmethod
    def propose(self, inputs: PolicyInputs, state: Tensor, count: int, temperature: float = 1.0) -> Tensor:
        """Sample `count` actions for each of B canvases, for a search to choose among.

        Args:
            inputs: with leading dimension [B].
            state: float32 [B, S].
            count: P, actions for each canvas.
            temperature: of the decisions; below 1 the likelier ones come more often.

        Returns:
            int64 [B, P, K].
        """

    @abstractmethod
    def log_probs(self, inputs: PolicyInputs, actions: Tensor, state: Tensor) -> Tensor:
        """Log-probabilities float32 [B, P] of several actions for each of B canvases.

        Args:
            inputs: with leading dimension [B].
            actions: int64 [B, P, K].
            state: float32 [B, S].
        """

    @abstractmethod
    def evaluate(self, inputs: PolicyInputs, actions: Tensor, state: Tensor) -> PolicyEvaluation:
        """Evaluate recorded actions; nothing is sampled.

        Args:
            inputs: with leading dimensions [T, B].
            actions: int64 [T, B, K], the actions that were taken.
            state: float32 [B, S], the recurrent state before the first of the T steps.
        """

    @abstractmethod
    def value_of(self, inputs: PolicyInputs, state: Tensor) -> Tensor:
        """Values float32 [B] of inputs with leading dimension [B] in recurrent state [B, S]."""
