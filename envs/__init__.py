"""Worlds that an agent can act on. Importing this package registers ``impasto/Paint-v0`` and ``impasto/Scene-v0``."""

import gymnasium as gym

gym.register(id="impasto/Paint-v0", entry_point="envs.single:PaintEnv")
gym.register(id="impasto/Scene-v0", entry_point="envs.single:SceneEnv")
