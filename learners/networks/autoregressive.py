"""Base of the policies that decode the components of an action one after the other."""

from __future__ import annotations

from abc import abstractmethod

import torch
from torch import Tensor

from learners.networks.decision import log_prob_and_entropy
from learners.networks.decoding import decode_used, only_paints
from learners.networks.policy import PaintPolicy, PolicyEvaluation, PolicyInputs, PolicyStep
from learners.networks.sampling import joint_entropy, sample_categorical


class ComponentPolicy(PaintPolicy):
    """An autoregressive policy: a torso that looks, and components that are decoded one after the other.

    Attributes:
        skips_unused: whether `act` leaves out the components that a move does not use, which are masked anyway. It
            looks at the flags, for which a GPU would have to be waited.
        rows_apart: whether components can be decoded for some rows without the others.
    """

    skips_unused = False
    rows_apart = True

    def fuse(self) -> None:
        """See `PaintPolicy.fuse`."""
        self.skips_unused = self.rows_apart

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
        painting = None if flat.plan is None or not self.rows_apart else flat.plan.painting
        log_probs, entropies = self.tell(hidden, context, flat.step, actions.flatten(0, 1), painting)
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
            chosen[column] = sample_categorical(log_p / temperature)
            log_probs[column] = log_p.gather(1, chosen[column][:, None])[:, 0]
            if column != self.spec.decode_order[-1]:
                hidden = self.condition(column, hidden, chosen[column])
        columns = range(len(self.spec.components))
        action = torch.stack([chosen[column] for column in columns], 1)
        log_prob = torch.stack([log_probs[column] for column in columns], 1)
        return action, (log_prob * self.spec.mask(action)).sum(1)

    def tell(
        self, hidden: Tensor, context: Tensor | None, step: Tensor, action: Tensor, painting: Tensor | None = None
    ) -> tuple[list[Tensor], list[Tensor]]:
        """Log-probabilities and entropies [N] of each decision of actions int64 [N, K], in the order of decoding.

        Those of decisions that do not count are 0. With `painting`, the rows int64 [R] whose actions paint, decisions
        that only those take are computed for them alone.
        """
        count, order = len(action), self.spec.decode_order
        mask = self.spec.mask(action)
        log_probs: list[Tensor] = []
        entropies: list[Tensor] = []
        for place, column in enumerate(order):
            told = log_prob_and_entropy(self.possible(column, hidden, context, step), action[:, column])
            log_prob, entropy = (mask[:, column] * each for each in told)
            if len(log_prob) < count:  # those of other rows are 0
                nothing = log_prob.new_zeros(count)
                log_prob, entropy = (nothing.index_copy(0, painting, each) for each in (log_prob, entropy))
            log_probs.append(log_prob)
            entropies.append(entropy)
            if column != order[-1]:
                hidden = self.condition(column, hidden, action[:, column])
                if painting is not None and len(action) == count and only_paints(self.spec, place + 1):
                    hidden, step, action, mask = (each[painting] for each in (hidden, step, action, mask))
                    context = None if context is None else context[painting]
        return log_probs, entropies

    def value_of(self, inputs: PolicyInputs, state: Tensor) -> Tensor:
        """Values float32 [B] of inputs with leading dimension [B] in recurrent state [B, S]."""
        core, _ = self.core(self.features(inputs)[None], state)
        return self.state_value(core[0]).float()

    def log_softmax(self, column: int, hidden: Tensor, context: Tensor | None, step: Tensor) -> Tensor:
        """Log-probabilities float32 [N, size]; if the first action must be a move, it can not paint."""
        return torch.log_softmax(self.possible(column, hidden, context, step), 1)

    def possible(self, column: int, hidden: Tensor, context: Tensor | None, step: Tensor) -> Tensor:
        """Logits float32 [N, size]; if the first action must be a move, it can not paint."""
        logits = self.logits(column, hidden, context).float()
        if self.spec.first_is_move and column == self.spec.flag:
            # A large negative number, not -inf: 0 * -inf would make the entropy NaN.
            painting = torch.arange(2, device=logits.device) == 1
            logits = logits.masked_fill((step == 0)[:, None] & painting, -1e4)
        return logits
