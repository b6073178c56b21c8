"""The latent world: an agent steers a GAN's latent space (arXiv 2307.13978). Importing it imports torch."""

from envs.latent.parts import FrozenParts, PartsShape
from envs.latent.world import LatentConfig, LatentVectorEnv

__all__ = ["FrozenParts", "LatentConfig", "LatentVectorEnv", "PartsShape"]
