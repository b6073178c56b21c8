"""OpenGL without a screen, or one line that says what to install."""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import os
from pathlib import Path
from typing import Any

from envs.scenes.config import Backend

PACKAGES = {"osmesa": "libosmesa6", "egl": "libegl1 (and the GPU's driver)"}
"""Packages that each backend needs on Debian or Ubuntu."""


def choose_backend(wanted: Backend) -> str:
    """Choose the OpenGL library: `osmesa` or `egl`.

    Raises:
        ValueError: $MUJOCO_GL names another one.
    """
    if wanted != "auto":
        return wanted
    named = os.environ.get("MUJOCO_GL", "").lower()
    if named:
        if named not in PACKAGES:
            raise ValueError(f"MUJOCO_GL: scenes are drawn without a screen, by osmesa or egl, not by {named!r}")
        return named
    devices = [*Path("/dev").glob("nvidia[0-9]*"), *Path("/dev/dri").glob("renderD*")]
    return "egl" if devices else "osmesa"


def load_mujoco(backend: str) -> Any:
    """Import `mujoco` for a backend and return it.

    Raises:
        ValueError: it is not installed.
    """
    # MuJoCo loads the OpenGL library that this names when it is imported. OSMesa's rasterizer starts a thread per
    # core, which is slower for pictures as small as ours and takes the other processes' time.
    os.environ["MUJOCO_GL"] = backend
    os.environ.setdefault("LP_NUM_THREADS", "0")
    if backend == "osmesa" and importlib.util.find_spec("triton") is not None:
        # Both bring LLVM, OSMesa's with global symbols: a triton (torch's, for GPUs) that comes later ends the process.
        with contextlib.suppress(ImportError, OSError):
            importlib.import_module("triton._C.libtriton")
    try:
        return importlib.import_module("mujoco")
    except ModuleNotFoundError as error:
        raise ValueError("scenes need MuJoCo: pip install mujoco, or '.[scenes]' in the checkout") from error
    except (ImportError, OSError, AttributeError) as error:
        raise missing(backend, error) from error


def open_context(backend: str, width: int, height: int) -> Any:
    """Open MuJoCo's `GLContext` of `width` by `height` pixels and make it current in this thread.

    Raises:
        ValueError: MuJoCo or the OpenGL library of `backend` is missing, or the latter does not work.
    """
    load_mujoco(backend)
    try:
        context = importlib.import_module(f"mujoco.{backend}").GLContext(width, height)
        context.make_current()
    except Exception as error:  # PyOpenGL raises whatever the missing function led to: AttributeError, TypeError, ...
        raise missing(backend, error) from error
    return context


def missing(backend: str, error: Exception) -> ValueError:
    """Error of a backend that can not be used."""
    other = "osmesa" if backend == "egl" else "egl"
    return ValueError(
        f"scenes can not be drawn: no working OpenGL library for {backend} ({str(error) or type(error).__name__}); "
        f"install it (Debian: apt-get install {PACKAGES[backend]}) or set MUJOCO_GL={other}"
    )
