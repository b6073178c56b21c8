"""Networks from settings."""

from __future__ import annotations

from envs.spec import ActionSpec
from learners.networks.discriminator import Discriminator
from learners.networks.laptop import LaptopPolicy
from learners.networks.paper import PaperPolicy
from learners.networks.policy import PaintPolicy
from learners.settings import DiscriminatorSettings, PolicySettings


def build_policy(
    settings: PolicySettings, spec: ActionSpec, canvas_shape: tuple[int, int, int], num_actions: int
) -> PaintPolicy:
    """The policy that ``settings.network`` names, for canvases (H, W, C) and episodes of ``num_actions``."""
    if settings.network == "paper":
        return PaperPolicy(spec, canvas_shape, settings.noise_size)
    return LaptopPolicy(spec, canvas_shape, settings.noise_size, num_actions)


def build_discriminator(settings: DiscriminatorSettings, canvas_shape: tuple[int, int, int]) -> Discriminator:
    """The discriminator for canvases (H, W, C)."""
    return Discriminator(canvas_shape, settings.discriminator_width, spectral=settings.spectral_norm)
