"""Networks from settings."""

from __future__ import annotations

from envs.spec import ActionSpec
from learners.networks.discriminator import Discriminator
from learners.networks.glimpse import GlimpsePolicy
from learners.networks.joint import JointDiscriminator
from learners.networks.laptop import LaptopPolicy
from learners.networks.paper import PaperPolicy
from learners.networks.policy import PaintPolicy
from learners.settings import DiscriminatorSettings, PolicySettings


def build_policy(
    settings: PolicySettings, spec: ActionSpec, canvas_shape: tuple[int, int, int], num_actions: int
) -> PaintPolicy:
    """The policy that ``settings.network`` names, for canvases (H, W, C) and episodes of ``num_actions``."""
    eyes = {"conditional": settings.conditional, "blind": settings.blind}
    if settings.network == "paper":
        return PaperPolicy(spec, canvas_shape, settings.noise_size, **eyes)
    kind = GlimpsePolicy if settings.network == "glimpse" else LaptopPolicy
    return kind(spec, canvas_shape, settings.noise_size, num_actions, **eyes)


def build_discriminator(
    settings: DiscriminatorSettings,
    image_shape: tuple[int, int, int],
    joint: tuple[ActionSpec, int] | None = None,
) -> Discriminator:
    """The discriminator for images (H, W, C); a conditional painter's pairs have twice the canvas's channels.

    With ``joint``, the action spec and the number of actions of an episode, it judges images with their actions.
    """
    if joint is not None:
        return JointDiscriminator(image_shape, *joint, settings.discriminator_width, spectral=settings.spectral_norm)
    return Discriminator(image_shape, settings.discriminator_width, spectral=settings.spectral_norm)
