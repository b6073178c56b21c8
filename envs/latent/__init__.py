"""The latent world: an agent steers a GAN's latent space (arXiv 2307.13978). Importing it imports torch."""

from envs.latent.parts import FrozenParts, PartsShape
from envs.latent.rules import LatentConfig, LatentRules
from envs.latent.world import LatentVectorEnv

__all__ = ["FrozenParts", "LatentConfig", "LatentRules", "LatentVectorEnv", "PartsShape"]
