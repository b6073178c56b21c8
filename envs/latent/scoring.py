"""Terms that the scores of tasks are made of."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from envs.latent.features import Outcome, Source
from envs.latent.parts import FrozenParts

REALISM_RANGE = (-3.0, 1.0)
"""Bounds of the standardized discriminator score: beyond the usual real image there is nothing to gain."""


@dataclass(frozen=True)
class Weights:
    """Weights of a score's terms beside the probability of the class asked for, which has weight 1.

    Attributes:
        realism: weight of the standardized discriminator score, clipped to [-3, 1]. Higher: outputs nearer to the
            data, and fewer chances for the agent to find images that only the classifier likes.
        style: weight of the similarity of thickness, slant, width and height to the input's. Higher: outputs keep more
            of the input's hand, at some cost in accuracy.
        likeness: weight of the similarity of the latents, each seen within its class. Higher: outputs vary as the
            inputs do.
    """

    realism: float = 0.1
    style: float = 1.0
    likeness: float = 1.0


def similarity(first: Tensor, second: Tensor) -> Tensor:
    """Mean over columns of 1 / (1 + d^2), d the difference: float32 [N] in (0, 1] of two float32 [N, D].

    Unlike a Gaussian it keeps a slope for distant pairs, from which learning starts.
    """
    return (1 / (1 + (first - second).square())).mean(dim=1)


class Scorer:
    """Terms of a score, with the statistics of the data that they need. Everything is differentiable."""

    def __init__(self, parts: FrozenParts, weights: Weights) -> None:
        self.classes = parts.shape.classes
        self.weights = weights
        self.style_mean, self.style_std = parts.class_style_mean, parts.class_style_std
        self.latent_mean, self.latent_std = parts.class_latent_mean, parts.class_latent_std

    def realism(self, outcome: Outcome) -> Tensor:
        """The weighted, clipped discriminator score, float32 [N]."""
        return self.weights.realism * outcome.realism.clamp(*REALISM_RANGE)

    def shown_as(self, outcome: Outcome, target: Tensor) -> Tensor:
        """The probability of class `target` (int64 [N]), float32 [N].

        Raises:
            ValueError: the data have no classes.
        """
        if not self.classes:
            raise ValueError("this task asks for a class, and the data have no labels")
        return outcome.probabilities.gather(1, target[:, None])[:, 0]

    def kept(self, outcome: Outcome, source: Source, target: Tensor | None = None) -> Tensor:
        """The weighted similarity of the output to its input, each seen as a member of its class, float32 [N].

        A 7 is usually more slanted than a 0, so each is measured by its distance from its class's mean, in the class's
        standard deviations. The output counts as one of class `target` (int64 [N]), by default the input's.
        """
        own = source.label.clamp(min=0)
        shown = own if target is None else target
        total = torch.zeros_like(outcome.realism)
        if self.weights.style:
            made = (outcome.style - self.style_mean[shown]) / self.style_std[shown]
            given = (source.style - self.style_mean[own]) / self.style_std[own]
            total = total + self.weights.style * similarity(made, given)
        if self.weights.likeness:
            made = (outcome.latent - self.latent_mean[shown]) / self.latent_std[shown]
            given = (source.latent - self.latent_mean[own]) / self.latent_std[own]
            total = total + self.weights.likeness * similarity(made, given)
        return total
