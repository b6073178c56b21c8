"""Discriminator of images together with actions."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from envs.spec import ActionSpec
from learners.networks.discriminator import Discriminator, normalizer
from learners.networks.one_hot import one_hot
from learners.networks.situation import unit_location

TRACE = 128


class JointDiscriminator(Discriminator):
    """Features of an image and of all actions of the episode, mixed by one more layer before the score.

    SPIRAL's authors name it as future work. Real images need actions too: those of the conditional policy that was to
    paint them, as in adversarially learned inference (Donahue et al. 2017, Dumoulin et al. 2017).
    """

    def __init__(
        self,
        canvas_shape: tuple[int, int, int],
        spec: ActionSpec,
        num_actions: int,
        width: int = 64,
        *,
        spectral: bool = False,
    ) -> None:
        super().__init__(canvas_shape, width, spectral=spectral)
        self.spec, self.num_actions = spec, num_actions
        encoded = num_actions * sum(2 if component.location else component.size for component in spec.components)
        normalize = normalizer(spectral)
        self.trace = nn.Sequential(
            normalize(nn.Linear(encoded, TRACE)),
            nn.LeakyReLU(0.2),
            normalize(nn.Linear(TRACE, TRACE)),
            nn.LeakyReLU(0.2),
        )
        # Without a layer between, the score would be the sum of two scores, each blind to the other's input.
        together = self.feature_size + TRACE
        self.mix = nn.Sequential(normalize(nn.Linear(together, TRACE)), nn.LeakyReLU(0.2))
        self.score = normalize(nn.Linear(TRACE, 1))

    def forward(self, image: Tensor, action: Tensor | None = None) -> Tensor:
        """Scores float32 [B] of images float [B, C, H, W] in [-1, 1] with actions int64 [B, T, K]."""
        if action is None:
            raise ValueError("action: a joint discriminator scores images with their actions, got none")
        return self.score_features(self.mix(torch.cat([self.features(image), self.trace(self.encode(action))], 1)))

    def encode(self, action: Tensor) -> Tensor:
        """Actions int64 [B, T, K] as float32 [B, E]; components that did not count are zero."""
        mask = self.spec.mask(action)
        parts = []
        for column, component in enumerate(self.spec.components):
            value = action[..., column]
            if component.location:
                encoded = unit_location(value.flatten(), self.spec.grid).view(*value.shape, 2)
            else:
                encoded = one_hot(value, component.size)
            parts.append((encoded * mask[..., column, None]).flatten(1))
        return torch.cat(parts, 1)
