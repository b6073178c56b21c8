"""Features of a step: compact arrays that the replay stores, so that scoring it again costs no decoding."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from envs.latent.measures import NAMES, style


@dataclass(frozen=True)
class Outcome:
    """Outcome of N actions.

    Attributes:
        probabilities: float32 [N, K] of the classes, by the reward's classifier; K = 0 if the data have no labels.
        realism: float32 [N], the discriminator's score, standardized on real latents.
        measures: float32 [N, 7], see `envs.latent.measures.measure`.
        latent: float32 [N, L], standardized, the decoder's input.
    """

    probabilities: Tensor
    realism: Tensor
    measures: Tensor
    latent: Tensor

    @property
    def style(self) -> Tensor:
        """Style of the strokes, float32 [N, 4], see `envs.latent.measures.style`."""
        return style(self.measures)


@dataclass(frozen=True)
class Source:
    """Facts about N inputs, before any noise.

    Attributes:
        label: int64 [N], 0 to K - 1, or -1 if it is unknown.
        measures: float32 [N, 7] of the image.
        latent: float32 [N, L], standardized, of the image.
    """

    label: Tensor
    measures: Tensor
    latent: Tensor

    @property
    def style(self) -> Tensor:
        """Style of the strokes, float32 [N, 4], see `envs.latent.measures.style`."""
        return style(self.measures)


@dataclass(frozen=True)
class FeatureLayout:
    """Columns of the arrays that are stored.

    features float32 [N, F]: class probabilities (K), realism, measures (7), latent (L).
    source float32 [N, S]: label, measures (7), latent (L).

    Attributes:
        classes: K, the number of classes.
        latent: L, the size of a latent.
    """

    classes: int
    latent: int

    @property
    def features(self) -> int:
        """F, the number of columns of the features."""
        return self.classes + 1 + len(NAMES) + self.latent

    @property
    def source(self) -> int:
        """S, the number of columns of the source."""
        return 1 + len(NAMES) + self.latent

    def pack_outcome(self, outcome: Outcome) -> Tensor:
        """Pack an outcome into features float32 [N, F]."""
        columns = (outcome.probabilities, outcome.realism[:, None], outcome.measures, outcome.latent)
        return torch.cat(columns, dim=1)

    def unpack_outcome(self, features: Tensor) -> Outcome:
        """Unpack features float32 [N, F].

        Raises:
            ValueError: another number of columns.
        """
        if features.shape[1] != self.features:
            raise ValueError(f"features: expected [N, {self.features}], got {list(features.shape)}")
        probabilities, realism, measures, latent = torch.split(
            features, [self.classes, 1, len(NAMES), self.latent], dim=1
        )
        return Outcome(probabilities, realism[:, 0], measures, latent)

    def pack_source(self, source: Source) -> Tensor:
        """Pack a source into an array float32 [N, S]."""
        return torch.cat((source.label[:, None].to(torch.float32), source.measures, source.latent), dim=1)

    def unpack_source(self, source: Tensor) -> Source:
        """Unpack an array float32 [N, S].

        Raises:
            ValueError: another number of columns.
        """
        if source.shape[1] != self.source:
            raise ValueError(f"source: expected [N, {self.source}], got {list(source.shape)}")
        label, measures, latent = torch.split(source, [1, len(NAMES), self.latent], dim=1)
        return Source(label[:, 0].round().to(torch.int64), measures, latent)
