"""The names that the package `envs` exports, and the cost of importing them."""

import subprocess
import sys
from pathlib import Path

import pytest

import envs

REPOSITORY = Path(__file__).resolve().parents[2]


def modules_after(code: str) -> set[str]:
    """Top-level modules that a new interpreter has loaded after `code`."""
    program = f"{code}\nimport sys; print(*{{name.split('.')[0] for name in sys.modules}})"
    return set(subprocess.check_output([sys.executable, "-c", program], cwd=REPOSITORY, text=True).split())


def test_every_public_name_is_found_and_listed() -> None:
    assert sorted(envs._HOMES) == envs.__all__
    for name in envs.__all__:
        assert getattr(envs, name).__name__ == name
        assert name in dir(envs)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'PaintingEnv'"):
        envs.PaintingEnv  # noqa: B018
    with pytest.raises(ImportError, match="PaintingEnv"):
        from envs import PaintingEnv  # noqa: F401


def test_painting_names_load_no_torch() -> None:
    names = [name for name in envs.__all__ if envs._HOMES[name] != "latent"]
    loaded = modules_after(f"from envs import {', '.join(names)}")
    assert {"envs", "pymypaint"} <= loaded
    assert not loaded & {"torch", "mujoco"}


def test_action_specs_load_no_painter() -> None:
    assert "pymypaint" not in modules_after("from envs import ActionSpec")


def test_latent_names_load_torch() -> None:
    assert "torch" in modules_after("from envs import LatentConfig")
