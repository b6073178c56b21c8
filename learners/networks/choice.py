"""A chain of decisions of which each is conditioned on those before it, taken anew or told."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from learners.networks.decision import log_prob_and_entropy
from learners.networks.heads import FullLinear
from learners.networks.sampling import sample_categorical


class Decisions:
    """Decisions so far for R rows: log-probabilities and entropies, float32 [R] each, in their order."""

    def __init__(self, temperature: float = 1.0) -> None:
        """Decisions that are taken anew are drawn at this `temperature`; log-probabilities are those at 1."""
        self.temperature = temperature
        self.log_probs: list[Tensor] = []
        self.entropies: list[Tensor] = []

    def take(self, logits: Tensor, told: Tensor | None) -> Tensor:
        """Decide among logits [R, M], or as told int64 [R]; returns int64 [R]."""
        logits = logits.float()
        if told is None:
            told = sample_categorical(logits / self.temperature)
        log_prob, entropy = log_prob_and_entropy(logits, told)
        self.log_probs.append(log_prob)
        self.entropies.append(entropy)
        return told

    def log_prob(self) -> Tensor:
        """float32 [R], of everything decided."""
        return torch.stack(self.log_probs).sum(0)


class Choice(nn.Module):
    """One categorical decision from a state, and the state after it."""

    def __init__(self, hidden: int, size: int, *, mix: bool = True) -> None:
        """`mix` adds a layer after the decision."""
        super().__init__()
        self.head = FullLinear(hidden, size)
        self.embedding = nn.Embedding(size, hidden)
        self.mix = nn.Linear(hidden, hidden) if mix else None

    def forward(self, state: Tensor, decisions: Decisions, told: Tensor | None) -> tuple[Tensor, Tensor]:
        """Decide from the state [R, hidden]: the decision int64 [R], and the new state."""
        value = decisions.take(self.head(functional.relu(state)), told)
        state = state + self.embedding(value).to(state.dtype)
        if self.mix is not None:
            state = state + functional.relu(self.mix(functional.relu(state)))
        return value, state
