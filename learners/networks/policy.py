"""What every painting policy is: a torso that looks, and components decoded one after the other."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from envs.spec import ActionSpec


@dataclass
class PolicyInputs:
    """What a policy sees at a step. ``*`` stands for [B] when acting and [T, B] when evaluating.

    Attributes:
        canvas: uint8 [*, H, W, C], white is 255.
        previous_action: int64 [*, K] in spec order, zeros (a move to the origin) at the first step.
        step: int64 [*], number of actions taken in this episode.
        noise: float32 [*, Z], N(0, 1), one draw per episode fed at every step.
        target: uint8 [*, H, W, C], the image to reproduce; None for a policy that is not conditional.
    """

    canvas: Tensor
    previous_action: Tensor
    step: Tensor
    noise: Tensor
    target: Tensor | None = None

    def flattened(self) -> PolicyInputs:
        """[T, B] as one leading dimension [T * B]."""
        return PolicyInputs(
            self.canvas.flatten(0, 1),
            self.previous_action.flatten(0, 1),
            self.step.flatten(),
            self.noise.flatten(0, 1),
            None if self.target is None else self.target.flatten(0, 1),
        )


@dataclass
class PolicyStep:
    """Result of acting: action int64 [B, K], log_prob float32 [B], value float32 [B], state float32 [B, S]."""

    action: Tensor
    log_prob: Tensor
    value: Tensor
    state: Tensor


@dataclass
class PolicyEvaluation:
    """Teacher-forced evaluation: log_prob, entropy and value, float32 [T, B]; state float32 [B, S] after the last.

    Entropy is an estimate from the recorded action whose mean, and the mean of whose gradient, are the policy's own.
    """

    log_prob: Tensor
    entropy: Tensor
    value: Tensor
    state: Tensor


class PaintPolicy(nn.Module, ABC):
    """An autoregressive policy over the components of an :class:`ActionSpec`.

    The joint log-probability and entropy of an action sum over the components that counted: those that a move
    does not use are masked out of both when the flag is 0.

    Attributes:
        spec: the action spec.
        state_size: S, numbers of recurrent state carried from step to step (0: none).
        noise_size: Z, size of the noise vector.
        conditional: whether it reproduces a target, which then must be among its inputs.
        blind: whether it is shown a white canvas in place of the painted one.
    """

    state_size: int = 0

    def __init__(self, spec: ActionSpec, noise_size: int, *, conditional: bool = False, blind: bool = False) -> None:
        super().__init__()
        self.spec = spec
        self.noise_size = noise_size
        self.conditional = conditional
        self.blind = blind

    def seen(self, inputs: PolicyInputs) -> Tensor:
        """What the policy looks at: uint8 [N, H, W, C], the canvas, or [N, H, W, 2C], canvas and target.

        Raises:
            ValueError: the policy is conditional, and there is no target.
        """
        canvas = torch.full_like(inputs.canvas, 255) if self.blind else inputs.canvas
        if not self.conditional:
            return canvas
        if inputs.target is None:
            raise ValueError("target: a conditional policy needs one for each canvas, got none")
        return torch.cat([canvas, inputs.target], -1)

    @abstractmethod
    def features(self, inputs: PolicyInputs) -> Tensor:
        """Look at the flattened inputs (leading dimension N): float [N, F]."""

    @abstractmethod
    def logits(self, column: int, hidden: Tensor, context: Tensor | None) -> Tensor:
        """Logits [N, size] of the component in ``column`` given the decoding state [N, D] and the context."""

    def context(self, inputs: PolicyInputs) -> Tensor | None:
        """What the heads see of the flattened inputs besides the decoding state: [N, E], or nothing."""
        return None

    @abstractmethod
    def condition(self, column: int, hidden: Tensor, value: Tensor) -> Tensor:
        """The decoding state [N, D] after the component in ``column`` was decided as ``value`` int64 [N]."""

    @abstractmethod
    def state_value(self, core: Tensor) -> Tensor:
        """Value estimate [N] from the core's output [N, D]."""

    def core(self, features: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """Run [T, B, F] through the recurrent core from ``state`` [B, S]: ([T, B, D], new state). None here."""
        return features, state

    def initial_state(self, batch_size: int, device: torch.device | str | None = None) -> Tensor:
        """float32 [B, S], the state before the first step of an episode."""
        return torch.zeros(batch_size, self.state_size, device=device)

    def act(self, inputs: PolicyInputs, state: Tensor) -> PolicyStep:
        """Sample one action for each of B canvases (``inputs`` with leading dimension [B])."""
        core, state = self.core(self.features(inputs)[None], state)
        hidden, context = core[0], self.context(inputs)
        value = self.state_value(hidden).float()
        chosen: dict[int, Tensor] = {}
        log_probs: dict[int, Tensor] = {}
        for column in self.spec.decode_order:
            log_p = self.log_softmax(column, hidden, context, inputs.step)
            chosen[column] = sample_categorical(log_p)
            log_probs[column] = log_p.gather(1, chosen[column][:, None])[:, 0]
            if column != self.spec.decode_order[-1]:
                hidden = self.condition(column, hidden, chosen[column])
        columns = range(len(self.spec.components))
        action = torch.stack([chosen[column] for column in columns], 1)
        log_prob = torch.stack([log_probs[column] for column in columns], 1)
        return PolicyStep(action, (log_prob * self.spec.mask(action)).sum(1), value, state)

    def evaluate(self, inputs: PolicyInputs, actions: Tensor, state: Tensor) -> PolicyEvaluation:
        """Log-probabilities, entropies and values of recorded actions; nothing is sampled.

        Args:
            inputs: with leading dimensions [T, B].
            actions: int64 [T, B, K], the actions that were taken.
            state: float32 [B, S], the recurrent state before the first of the T steps.
        """
        time, batch = actions.shape[:2]
        flat = inputs.flattened()
        core, state = self.core(self.features(flat).view(time, batch, -1), state)
        hidden, context = core.flatten(0, 1), self.context(flat)
        value = self.state_value(hidden).float()
        action = actions.flatten(0, 1)
        mask = self.spec.mask(action)
        log_probs: list[Tensor] = []
        entropies: list[Tensor] = []
        for column in self.spec.decode_order:
            log_p = self.log_softmax(column, hidden, context, flat.step)
            counted = mask[:, column]
            log_probs.append(counted * log_p.gather(1, action[:, column, None])[:, 0])
            entropies.append(counted * -(log_p.exp() * log_p).sum(1))
            if column != self.spec.decode_order[-1]:
                hidden = self.condition(column, hidden, action[:, column])
        log_prob = torch.stack(log_probs).sum(0).view(time, batch)
        entropy = joint_entropy(entropies, log_probs).view(time, batch)
        return PolicyEvaluation(log_prob, entropy, value.view(time, batch), state)

    def value_of(self, inputs: PolicyInputs, state: Tensor) -> Tensor:
        """Value float32 [B] of a situation (``inputs`` with leading dimension [B]) in recurrent state [B, S]."""
        core, _ = self.core(self.features(inputs)[None], state)
        return self.state_value(core[0]).float()

    def log_softmax(self, column: int, hidden: Tensor, context: Tensor | None, step: Tensor) -> Tensor:
        """float32 [N, size]; a painting flag is impossible where the first action must be a move."""
        logits = self.logits(column, hidden, context).float()
        if self.spec.first_is_move and column == self.spec.flag:
            # A large negative number, not -inf: 0 * -inf would make the entropy NaN.
            painting = torch.arange(2, device=logits.device) == 1
            logits = logits.masked_fill((step == 0)[:, None] & painting, -1e4)
        return torch.log_softmax(logits, 1)


def joint_entropy(entropies: list[Tensor], log_probs: list[Tensor]) -> Tensor:
    """Entropy of an action [N], from each decision's entropy [N] given those before it, and what it was decided as.

    The value is the sum. The gradient also has what a decision does to the entropy of those after it (score function,
    less the mean over the rows): without it the bonus never argues for painting, which opens all other decisions, and
    a policy that is paid nothing at first stops to paint. Both lists are in the order of decoding, masked.
    """
    total = torch.zeros_like(entropies[0])
    for entropy, log_prob in zip(reversed(entropies), reversed(log_probs), strict=True):
        opened = (total - total.mean()).detach()
        total = total + entropy + opened * (log_prob - log_prob.detach())
    return total


def sample_categorical(log_p: Tensor) -> Tensor:
    """Sample from float32 [N, M] log-probabilities by inverting the distribution function: int64 [N].

    One uniform number a row instead of one per entry: on CPUs the random numbers of Gumbel sampling over 1024
    locations cost more than the network's layer.
    """
    cumulative = log_p.exp().cumsum(1)
    threshold = torch.rand(len(log_p), 1, device=log_p.device) * cumulative[:, -1:]
    index = (cumulative <= threshold).sum(1)
    # In float32 the product stays below the last entry; the bound is for devices whose sums round otherwise.
    return index.clamp_max(log_p.shape[1] - 1)


def unit_location(value: Tensor, grid: int) -> Tensor:
    """Cells int64 [N] of a grid as (y, x) in [-1, 1], float32 [N, 2]."""
    y = torch.div(value, grid, rounding_mode="floor")
    return torch.stack([y, value - y * grid], -1).float() * (2 / (grid - 1)) - 1


def encode_situation(spec: ActionSpec, num_actions: int, inputs: PolicyInputs) -> Tensor:
    """Noise, step and previous action as float32 [N, E], for policies without an LSTM; what did not count is zero.

    E is the noise's size, ``num_actions``, and of each component 2 (a location) or its size.
    """
    mask = spec.mask(inputs.previous_action)
    # The situation after the last action is seen only beside others that go on, and its value counts nothing.
    step = inputs.step.clamp_max(num_actions - 1)
    parts = [inputs.noise, functional.one_hot(step, num_actions).float()]
    for column, component in enumerate(spec.components):
        value = inputs.previous_action[:, column]
        location = component.location
        encoded = unit_location(value, spec.grid) if location else functional.one_hot(value, component.size).float()
        parts.append(encoded * mask[:, column, None])
    return torch.cat(parts, 1)


def coordinate_planes(height: int, width: int) -> Tensor:
    """float32 [2, H, W]: y and x of each pixel in [-1, 1]."""
    y, x = torch.meshgrid(torch.linspace(-1, 1, height), torch.linspace(-1, 1, width), indexing="ij")
    return torch.stack([y, x])
