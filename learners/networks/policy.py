"""Base of all painting policies, and of those that decode the components of an action one after the other."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from envs.spec import ActionSpec
from learners.networks.decoding import decode_used
from learners.networks.sampling import joint_entropy, sample_categorical


@dataclass
class PolicyInputs:
    """Inputs of a policy at a step. `*` stands for [B] when acting and for [T, B] when evaluating.

    Attributes:
        canvas: uint8 [*, H, W, C], white is 255.
        previous_action: int64 [*, K] in spec order, zeros (a move to the origin) at the first step.
        step: int64 [*], number of actions taken in this episode.
        noise: float32 [*, Z], N(0, 1), one draw per episode, the same at every step.
        target: uint8 [*, H, W, C], the image to reproduce; None for a policy that is not conditional.
    """

    canvas: Tensor
    previous_action: Tensor
    step: Tensor
    noise: Tensor
    target: Tensor | None = None

    def flattened(self) -> PolicyInputs:
        """Inputs with one leading dimension [T * B] instead of [T, B]."""
        return PolicyInputs(
            self.canvas.flatten(0, 1),
            self.previous_action.flatten(0, 1),
            self.step.flatten(),
            self.noise.flatten(0, 1),
            None if self.target is None else self.target.flatten(0, 1),
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


class ComponentPolicy(PaintPolicy):
    """An autoregressive policy: a torso that looks, and components that are decoded one after the other.

    Attributes:
        skips_unused: whether `act` leaves out the components that a move does not use, which are masked anyway. It
            looks at the flags, for which a GPU would have to be waited.
    """

    skips_unused = False

    def fuse(self) -> None:
        """See `PaintPolicy.fuse`."""
        self.skips_unused = True

    @abstractmethod
    def features(self, inputs: PolicyInputs) -> Tensor:
        """Features float [N, F] of flattened inputs (leading dimension [N])."""

    @abstractmethod
    def logits(self, column: int, hidden: Tensor, context: Tensor | None) -> Tensor:
        """Logits [N, size] of the component in `column`, given the decoding state [N, D] and the context."""

    def context(self, inputs: PolicyInputs) -> Tensor | None:
        """Context [N, E] of the flattened inputs for the heads, besides the decoding state; None if they need none."""
        return None

    @abstractmethod
    def condition(self, column: int, hidden: Tensor, value: Tensor) -> Tensor:
        """Decoding state [N, D] after the component in `column` was decided as `value` int64 [N]."""

    @abstractmethod
    def state_value(self, core: Tensor) -> Tensor:
        """Value estimate [N] from the core's output [N, D]."""

    def core(self, features: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """Output [T, B, D] and new state [B, S] of the recurrent core for features [T, B, F]; here the identity."""
        return features, state

    def act(self, inputs: PolicyInputs, state: Tensor) -> PolicyStep:
        """Sample one action for each of B canvases, see `PaintPolicy.act`."""
        core, state = self.core(self.features(inputs)[None], state)
        value = self.state_value(core[0]).float()
        action, log_prob = self.decode(core[0], self.context(inputs), inputs.step)
        return PolicyStep(action, log_prob, value, state)

    def propose(self, inputs: PolicyInputs, state: Tensor, count: int, temperature: float = 1.0) -> Tensor:
        """Sample several actions for each of B canvases, see `PaintPolicy.propose`; the torso looks only once."""
        core, _ = self.core(self.features(inputs)[None], state)
        hidden, context = core[0].repeat_interleave(count, 0), self.context(inputs)
        context = None if context is None else context.repeat_interleave(count, 0)
        action, _ = self.decode(hidden, context, inputs.step.repeat_interleave(count), temperature)
        return action.view(-1, count, action.shape[1])

    def log_probs(self, inputs: PolicyInputs, actions: Tensor, state: Tensor) -> Tensor:
        """Log-probabilities of several actions, see `PaintPolicy.log_probs`; the torso looks once at a canvas."""
        batch, count = actions.shape[:2]
        core, _ = self.core(self.features(inputs)[None], state)
        hidden, context = core[0].repeat_interleave(count, 0), self.context(inputs)
        context = None if context is None else context.repeat_interleave(count, 0)
        log_probs, _ = self.tell(hidden, context, inputs.step.repeat_interleave(count), actions.flatten(0, 1))
        return torch.stack(log_probs).sum(0).view(batch, count)

    def evaluate(self, inputs: PolicyInputs, actions: Tensor, state: Tensor) -> PolicyEvaluation:
        """Evaluate recorded actions, see `PaintPolicy.evaluate`."""
        time, batch = actions.shape[:2]
        flat = inputs.flattened()
        core, state = self.core(self.features(flat).view(time, batch, -1), state)
        hidden, context = core.flatten(0, 1), self.context(flat)
        value = self.state_value(hidden).float()
        log_probs, entropies = self.tell(hidden, context, flat.step, actions.flatten(0, 1))
        log_prob = torch.stack(log_probs).sum(0).view(time, batch)
        entropy = joint_entropy(entropies, log_probs).view(time, batch)
        return PolicyEvaluation(log_prob, entropy, value.view(time, batch), state)

    def decode(
        self, hidden: Tensor, context: Tensor | None, step: Tensor, temperature: float = 1.0
    ) -> tuple[Tensor, Tensor]:
        """Sample an action for each row of the decoding state [N, D]: int64 [N, K], and its log-probability [N]."""
        if self.skips_unused and temperature == 1.0:
            return decode_used(self, hidden, context, step)
        chosen: dict[int, Tensor] = {}
        log_probs: dict[int, Tensor] = {}
        for column in self.spec.decode_order:
            log_p = self.log_softmax(column, hidden, context, step)
            drawn_from = log_p if temperature == 1.0 else torch.log_softmax(log_p / temperature, 1)
            chosen[column] = sample_categorical(drawn_from)
            log_probs[column] = log_p.gather(1, chosen[column][:, None])[:, 0]
            if column != self.spec.decode_order[-1]:
                hidden = self.condition(column, hidden, chosen[column])
        columns = range(len(self.spec.components))
        action = torch.stack([chosen[column] for column in columns], 1)
        log_prob = torch.stack([log_probs[column] for column in columns], 1)
        return action, (log_prob * self.spec.mask(action)).sum(1)

    def tell(
        self, hidden: Tensor, context: Tensor | None, step: Tensor, action: Tensor
    ) -> tuple[list[Tensor], list[Tensor]]:
        """Log-probabilities and entropies [N] of each decision of actions int64 [N, K], in the order of decoding.

        Those of decisions that do not count are 0.
        """
        mask = self.spec.mask(action)
        log_probs: list[Tensor] = []
        entropies: list[Tensor] = []
        for column in self.spec.decode_order:
            log_p = self.log_softmax(column, hidden, context, step)
            counted = mask[:, column]
            log_probs.append(counted * log_p.gather(1, action[:, column, None])[:, 0])
            entropies.append(counted * -(log_p.exp() * log_p).sum(1))
            if column != self.spec.decode_order[-1]:
                hidden = self.condition(column, hidden, action[:, column])
        return log_probs, entropies

    def value_of(self, inputs: PolicyInputs, state: Tensor) -> Tensor:
        """Values float32 [B] of inputs with leading dimension [B] in recurrent state [B, S]."""
        core, _ = self.core(self.features(inputs)[None], state)
        return self.state_value(core[0]).float()

    def log_softmax(self, column: int, hidden: Tensor, context: Tensor | None, step: Tensor) -> Tensor:
        """Log-probabilities float32 [N, size]; if the first action must be a move, it can not paint."""
        logits = self.logits(column, hidden, context).float()
        if self.spec.first_is_move and column == self.spec.flag:
            # A large negative number, not -inf: 0 * -inf would make the entropy NaN.
            painting = torch.arange(2, device=logits.device) == 1
            logits = logits.masked_fill((step == 0)[:, None] & painting, -1e4)
        return torch.log_softmax(logits, 1)
