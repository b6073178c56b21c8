"""Tests that draw are skipped, saying so, where MuJoCo or its OpenGL library is missing."""

import pytest

from envs.scenes.config import SceneConfig
from envs.scenes.rendering import shared_renderer


def why_not() -> str:
    try:
        shared_renderer(SceneConfig())
    except ValueError as error:
        return str(error)
    return ""


draws = pytest.mark.skipif(bool(why_not()), reason=why_not() or "scenes can be drawn")
