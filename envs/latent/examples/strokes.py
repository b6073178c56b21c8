"""Two tasks that change the hand that wrote a digit and leave the digit.

A task is a class with a `name` and a `score`. The score has the order of one and is computed from the stored features
of an outcome: class probabilities, realism, measures of the strokes and the latent, against the same of the source. Use
`scorer` for the usual terms. Nothing else has to be trained or changed.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from envs.latent.features import Outcome, Source
from envs.latent.scoring import Scorer, similarity


class Thicker:
    """A task that asks for the same digit in strokes 1 pixel thicker."""

    name = "thicker"
    pixels = 1.0

    def score(self, outcome: Outcome, source: Source, scorer: Scorer) -> Tensor:
        """Score p(the same class) + realism + nearness of the thickness, which is 1/2 at half a pixel's distance."""
        near = similarity(outcome.measures[:, :1] / 0.5, (source.measures[:, :1] + self.pixels) / 0.5)
        return scorer.shown_as(outcome, source.label) + scorer.realism(outcome) + near


class Rotated:
    """A task that asks for the same digit, turned by 15 degrees clockwise."""

    name = "rotated"
    degrees = 15.0

    def score(self, outcome: Outcome, source: Source, scorer: Scorer) -> Tensor:
        """Score p(the same class) + realism + nearness of the ink's second moments to the turned source's."""
        angle = math.radians(self.degrees)
        turn = torch.tensor([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
        xx, yy, xy = (source.measures[:, column] for column in (4, 5, 6))
        moments = torch.stack((xx, xy, xy, yy), dim=1).view(-1, 2, 2)
        turned = (turn @ moments @ turn.T).flatten(1)[:, (0, 3, 1)]  # y points down: clockwise
        near = similarity(outcome.measures[:, 4:7] / 2, turned / 2)
        return scorer.shown_as(outcome, source.label) + scorer.realism(outcome) + near
