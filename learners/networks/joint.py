"""A discriminator of images and the actions that go with them."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from envs.spec import ActionSpec
from learners.networks.discriminator import Discriminator, normaliser
from learners.networks.policy import unit_location

TRACE = 128


class JointDiscriminator(Discriminator):
    """The image's features and those of all actions of the episode, mixed by one more layer before the score.

    SPIRAL's authors name it as future work. For real images it needs actions too: those of the conditional policy whose
    targets they are, as in adversarially learned inference (Donahue et al. 2017, Dumoulin et al. 2017).
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
        normalise = normaliser(spectral)
        self.trace = nn.Sequential(
            normalise(nn.Linear(encoded, TRACE)),
            nn.LeakyReLU(0.2),
            normalise(nn.Linear(TRACE, TRACE)),
            nn.LeakyReLU(0.2),
        )
        # Without a layer between, the score would be a sum of two judgements, one blind to the other's input.
        together = self.feature_size + TRACE
        self.mix = nn.Sequential(normalise(nn.Linear(together, TRACE)), nn.LeakyReLU(0.2))
        self.score = normalise(nn.Linear(TRACE, 1))

    def forward(self, image: Tensor, action: Tensor | None = None) -> Tensor:
        """float [B, C, H, W] in [-1, 1] and int64 [B, T, K] to scores float32 [B]."""
        if action is None:
            raise ValueError("action: a joint discriminator judges images with their actions, got none")
        return self.score_features(self.mix(torch.cat([self.features(image), self.trace(self.encode(action))], 1)))

    def encode(self, action: Tensor) -> Tensor:
        """int64 [B, T, K] to float32 [B, E]; components that did not count are zero."""
        mask = self.spec.mask(action)
        parts = []
        for column, component in enumerate(self.spec.components):
            value = action[..., column]
            if component.location:
                encoded = unit_location(value.flatten(), self.spec.grid).view(*value.shape, 2)
            else:
                encoded = functional.one_hot(value, component.size).float()
            parts.append((encoded * mask[..., column, None]).flatten(1))
        return torch.cat(parts, 1)
