"""Construction of policies and discriminators from settings."""

from __future__ import annotations

from envs.spec import ActionSpec
from learners.networks.discriminator import Discriminator
from learners.networks.glimpse import GlimpsePolicy
from learners.networks.joint import JointDiscriminator
from learners.networks.laptop import LaptopPolicy
from learners.networks.line import LinePolicy
from learners.networks.paper import PaperPolicy
from learners.networks.picture import PicturePolicy
from learners.networks.policy import PaintPolicy
from learners.settings import DiscriminatorSettings, PolicySettings


def build_policy(
    settings: PolicySettings, spec: ActionSpec, canvas_shape: tuple[int, int, int], num_actions: int
) -> PaintPolicy:
    """Make the policy that `settings.network` names.

    Args:
        settings: of the policy.
        spec: components of an action.
        canvas_shape: (H, W, C) of the canvases that the policy sees.
        num_actions: actions of an episode.

    Raises:
        ValueError: the network does not fit the canvas or the actions; the message names the setting.

    Example:
        >>> from envs import PaintConfig
        >>> config = PaintConfig(observation_size=32, grid=16, episode_length=6)
        >>> settings = PolicySettings(network="laptop")
        >>> policy = build_policy(settings, config.action_spec, config.canvas_shape, config.num_actions)
        >>> type(policy).__name__
        'LaptopPolicy'
    """
    if settings.network in ("picture", "line"):
        if not settings.conditional or settings.blind:
            raise ValueError(f"network: {settings.network} reproduces what it sees; give conditional True, blind False")
        reproducing = PicturePolicy if settings.network == "picture" else LinePolicy
        return reproducing(spec, canvas_shape, settings.noise_size, num_actions)
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
    """Make the discriminator.

    Args:
        settings: of the discriminator.
        image_shape: (H, W, C) of its images; a conditional painter's pairs have twice the canvas's channels.
        joint: for a discriminator of images with their actions: the action spec and the actions of an episode.

    Raises:
        ValueError: the images do not have the size that the network needs.
    """
    if joint is not None:
        return JointDiscriminator(image_shape, *joint, settings.discriminator_width, spectral=settings.spectral_norm)
    return Discriminator(image_shape, settings.discriminator_width, spectral=settings.spectral_norm)
