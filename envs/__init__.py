"""Worlds that an agent can act on. Importing this package registers ``impasto/Paint-v0`` with Gymnasium."""

import gymnasium as gym

gym.register(id="impasto/Paint-v0", entry_point="envs.single:PaintEnv")
