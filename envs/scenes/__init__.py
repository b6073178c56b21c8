"""Scenes of simple objects on a plane, drawn by MuJoCo (Ganin et al. 2018, section 5.4).

Code in here may import `envs.spec`, `envs.lockstep`, `envs.data_files` and SciPy; MuJoCo is imported when the first
scene is drawn. Start reading at `envs.scenes.world`; then `config` (objects and actions), `rendering` with `camera` and
`opengl`, `generator` (the scenes that are to be reproduced) and `matching` (the accuracy of a scene).
"""

from envs.scenes.config import SceneConfig
from envs.scenes.world import SceneVectorEnv

__all__ = ["SceneConfig", "SceneVectorEnv"]
