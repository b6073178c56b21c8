"""The worlds that agents act on: painting canvas, MuJoCo scene and GAN latent; their actions, data sets and rewards.

Code in here may import `pymypaint` and NumPy; only `envs.latent` imports torch. Start reading at `envs.paint`, then
`envs.lockstep` (the conventions that all worlds share) and `envs.spec` (actions); data begin at `envs.datasets`.
Importing the package registers `impasto/Paint-v0` and `impasto/Scene-v0`; public names are imported when they are used,
so that actors without networks never load torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import gymnasium as gym

from envs.lazy_names import lazy_names

if TYPE_CHECKING:
    from envs.data_files import DataError
    from envs.datasets import ImageSet, load_dataset
    from envs.latent import FrozenParts, LatentConfig, LatentVectorEnv
    from envs.paint import PaintConfig, PaintVectorEnv
    from envs.scenes import SceneConfig, SceneVectorEnv
    from envs.single import PaintEnv, SceneEnv
    from envs.spec import ActionComponent, ActionSpec
    from envs.worlds import make_world

_HOMES = {
    "ActionComponent": "spec",
    "ActionSpec": "spec",
    "DataError": "data_files",
    "FrozenParts": "latent",
    "ImageSet": "datasets",
    "LatentConfig": "latent",
    "LatentVectorEnv": "latent",
    "PaintConfig": "paint",
    "PaintEnv": "single",
    "PaintVectorEnv": "paint",
    "SceneConfig": "scenes",
    "SceneEnv": "single",
    "SceneVectorEnv": "scenes",
    "load_dataset": "datasets",
    "make_world": "worlds",
}

__all__ = [
    "ActionComponent",
    "ActionSpec",
    "DataError",
    "FrozenParts",
    "ImageSet",
    "LatentConfig",
    "LatentVectorEnv",
    "PaintConfig",
    "PaintEnv",
    "PaintVectorEnv",
    "SceneConfig",
    "SceneEnv",
    "SceneVectorEnv",
    "load_dataset",
    "make_world",
]

for _name, _world in (("Paint", "envs.paint:PaintVectorEnv"), ("Scene", "envs.scenes.world:SceneVectorEnv")):
    gym.register(f"impasto/{_name}-v0", entry_point=f"envs.single:{_name}Env", vector_entry_point=_world)

__getattr__, __dir__ = lazy_names(__name__, _HOMES)
