"""The latent world: an agent steers a GAN's latent space (arXiv 2307.13978). Importing it imports torch.

Code in here may import torch and the data files of `envs`, not the painting world. Start reading at
`envs.latent.world`; then `rules` (observation, move, score), `tasks` and `scoring` (a task of one's own is in
`examples.strokes`), `parts` with `networks` (the frozen networks), `features` (stored arrays) and `data`.
"""

from envs.latent.parts import FrozenParts, PartsShape
from envs.latent.rules import LatentConfig, LatentRules
from envs.latent.world import LatentVectorEnv

__all__ = ["FrozenParts", "LatentConfig", "LatentRules", "LatentVectorEnv", "PartsShape"]
