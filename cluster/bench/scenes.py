"""Rate of drawn scenes: the scene world at 64x64, each frame a scene that changed."""

from __future__ import annotations

import statistics
from collections.abc import Iterator

import numpy as np

from cluster.bench.measure import cpu_rates, figure, spread
from cluster.bench.options import BenchOptions, Figure
from envs.scenes.config import SceneConfig
from envs.scenes.opengl import choose_backend
from envs.scenes.world import SceneVectorEnv
from envs.spec import ADD

CANVASES = 64
OBJECTS = 5


def bench(options: BenchOptions) -> Iterator[Figure]:
    """Yield frames per CPU-second of episodes that add five objects (one to five are in sight), and of five alone."""
    config = SceneConfig(scene_actions=OBJECTS)
    canvases = 4 if options.quick else CANVASES
    env = SceneVectorEnv(canvases, config)
    rng = np.random.default_rng(0)
    actions = rng.integers(0, env.spec_actions.sizes, (OBJECTS, canvases, len(env.spec_actions.components)))
    actions[..., env.spec_actions.flag] = ADD

    def episodes() -> int:
        env.reset()
        for action in actions:
            env.step(action)
        return OBJECTS * canvases

    def full_scenes() -> int:
        env.renderer.render_all(env.scenes.objects, env.scenes.counts, env.canvas)
        return canvases

    rates = cpu_rates({"scenes": episodes, "scenes of five objects": full_scenes}, options)
    detail = {"size": list(config.canvas_shape), "canvases": canvases, "renderer": choose_backend(config.renderer)}
    for name, values in rates.items():
        yield figure(name, statistics.median(values), "frames/CPU-s", **detail, **spread(values))
    env.close()
